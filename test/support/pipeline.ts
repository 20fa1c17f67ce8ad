import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 20_000;

type ServiceName = 'proxy' | 'aggregator' | 'reporting';

/** The three services as processes, on a topic and a database of their own. */
export interface Pipeline {
  readonly proxyUrl: string;
  readonly reportingUrl: string;
  readonly aggregatorUrl: string;
  readonly database: string;
  readonly topicPrefix: string;
  readonly folder: string;
  readonly key: Readonly<Record<'proxy' | 'report' | 'admin' | 'digest' | 'research' | 'other', string>>;
  readonly pid: (service: ServiceName) => number;
  /** Writes a new configuration beside the old keys; the services reload it. */
  configure(config: object): void;
  kill(service: ServiceName, signal: NodeJS.Signals): Promise<void>;
  start(service: ServiceName): Promise<void>;
  /** Everything that the services have written so far. */
  output(): string;
  stop(): Promise<void>;
}

export interface PipelineOptions {
  readonly kafkaBrokers: string;
  readonly clickhouseUrl: string;
  /** The configuration without keys: they are put to the org `demo`, a second org `other` has one too. */
  readonly config: PipelineConfig;
  readonly environment?: Readonly<Record<string, string>>;
}

interface PipelineConfig {
  readonly providers: Readonly<Record<string, object>>;
  /** Facts of the org `demo` besides its keys. */
  readonly org?: object;
}

/** Starts the services and waits until each says that it does its work. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const suffix = randomBytes(4).toString('hex');
  const folder = mkdtempSync(join(tmpdir(), 'meterstone-e2e-'));
  mkdirSync(join(folder, 'log'));
  const key = {
    proxy: newKey(),
    report: newKey(),
    admin: newKey(),
    digest: newKey(),
    research: newKey(),
    other: newKey(),
  };
  const configPath = join(folder, 'meterstone.yaml');
  const configure = (config: object) =>
    writeFileSync(configPath, stringify(withKeys(config as PipelineConfig, key)));
  configure(options.config);
  writeFileSync(join(folder, 'user-key-secret'), randomBytes(32).toString('hex'));
  writeFileSync(join(folder, 'provider-key'), 'sk-provider-secret-0123456789');
  const ports = { proxy: await freePort(), reporting: await freePort(), aggregator: await freePort() };
  const environment = {
    ...withoutOurs(process.env),
    METERSTONE_CONFIG: configPath,
    METERSTONE_FOLDER: folder,
    METERSTONE_PROXY_PORT: String(ports.proxy),
    METERSTONE_REPORTING_PORT: String(ports.reporting),
    METERSTONE_AGGREGATOR_PORT: String(ports.aggregator),
    METERSTONE_KAFKA_BROKERS: options.kafkaBrokers,
    METERSTONE_CLICKHOUSE_URL: options.clickhouseUrl,
    METERSTONE_CLICKHOUSE_DATABASE: `e2e_${suffix}`,
    METERSTONE_TOPIC_PREFIX: `e2e-${suffix}`,
    METERSTONE_KAFKA_PARTITIONS: '4',
    METERSTONE_USER_KEY_SECRET: `file:${join(folder, 'user-key-secret')}`,
    TEST_PROVIDER_KEY: 'sk-provider-secret-0123456789',
    ...options.environment,
  };
  const children = new Map<ServiceName, ChildProcess>();
  const url = (service: ServiceName) => `http://127.0.0.1:${ports[service]}`;

  const start = async (service: ServiceName) => {
    const log = openSync(join(folder, 'log', `${service}.log`), 'a');
    const child = spawn(process.execPath, [join(ROOT, 'services', service, 'src/main.ts')], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', log, log],
    });
    children.set(service, child);
    await waitUntilReady(child, url(service), join(folder, 'log', `${service}.log`));
  };
  const kill = async (service: ServiceName, signal: NodeJS.Signals) => {
    const child = children.get(service);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await Promise.race([gone, sleep(STOP_DEADLINE_MS).then(() => child.kill('SIGKILL'))]);
  };

  await start('aggregator');
  await Promise.all([start('reporting'), start('proxy')]);
  return {
    proxyUrl: url('proxy'),
    reportingUrl: url('reporting'),
    aggregatorUrl: url('aggregator'),
    database: environment.METERSTONE_CLICKHOUSE_DATABASE,
    topicPrefix: environment.METERSTONE_TOPIC_PREFIX,
    folder,
    key,
    pid: (service) => children.get(service)?.pid ?? -1,
    configure,
    kill,
    start,
    output: () =>
      readdirSync(join(folder, 'log'))
        .map((name) => readFileSync(join(folder, 'log', name), 'utf8'))
        .join('\n'),
    stop: async () => {
      await Promise.all((['proxy', 'aggregator', 'reporting'] as const).map((name) => kill(name, 'SIGTERM')));
    },
  };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

async function waitUntilReady(child: ChildProcess, url: string, logPath: string): Promise<void> {
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) break;
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await sleep(50);
  }
  throw new Error(`${url} was not ready:\n${readFileSync(logPath, 'utf8').slice(-3000)}`);
}

function withKeys(config: PipelineConfig, key: Pipeline['key']) {
  return {
    providers: config.providers,
    orgs: {
      demo: {
        ...config.org,
        keys: [
          keyConfig('web', key.proxy, ['proxy', 'ingest'], 'assistant'),
          keyConfig('digest', key.digest, ['proxy'], 'summaries'),
          keyConfig('research', key.research, ['proxy'], 'research'),
          keyConfig('report', key.report, ['report']),
          keyConfig('admin', key.admin, ['admin']),
        ],
      },
      other: { keys: [keyConfig('other', key.other, ['admin'])] },
    },
  };
}

function keyConfig(name: string, key: string, scopes: string[], project?: string) {
  const sha256 = createHash('sha256').update(key).digest('hex');
  return { id: `key_${name}`, name, sha256, scopes, ...(project === undefined ? {} : { project }) };
}

function newKey(): string {
  return `mst_${randomBytes(32).toString('base64url')}`;
}

function withoutOurs(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('METERSTONE_'),
    ),
  );
}
