import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings, type SettingsOf, settingsFor } from '@meterstone/control';
import { DEMO_ORG_ID } from '@meterstone/demo';
import { clearLeftovers, requireFreePorts, type Stack, startStack } from '@meterstone/local-stack';
import { doorLines } from './door-lines.ts';
import { answerFourQuestions, type ReportDoor } from './four-questions.ts';
import { type LocalFiles, prepareLocalFiles } from './local-files.ts';
import { writePrivateFile } from './private-file.ts';
import { openUpFolder } from './up-folder.ts';
import { type Services, startServices, type UpContext } from './up-services.ts';

export interface UpOptions {
  readonly fresh: boolean;
  readonly demo: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly say: (line: string) => void;
}

/** A pipeline that is up. */
export interface Up {
  /** Stops everything in its order; no process is left. */
  stop(): Promise<void>;
}

/**
 * Brings up the whole pipeline on this machine: Kafka, ClickHouse, the three services and, unless told not to,
 * the demo. Resolves when it answers; rejects with a coded error, everything stopped, when it cannot.
 */
export async function up(options: UpOptions): Promise<Up> {
  const startedAt = options.now();
  const own = ownConfig(options.env);
  const settings = await readSettings(options.env, own);
  const root = resolve(settings.folder);
  await clearLeftovers({ folder: root, onProgress: options.say });
  const folder = openUpFolder(root, options.fresh);
  await requireServicePorts(settings, options.demo);
  const files = prepareLocalFiles({ folder, settings, own, env: options.env });
  const stack = await startLocalStack(settings, root, options);
  try {
    const context: UpContext = { settings, folder, files, stack, env: options.env, say: options.say };
    const services = await startServices(context, options.demo);
    writeRunFile(context, services);
    options.say(`everything is up after ${seconds(options.now() - startedAt)}`);
    const door = reportDoor(settings, files, options.now());
    if (options.demo && own === null) await showDemo(context, services, { door, ...options });
    options.say(doorLines({ settings, files, folder, door }));
    return {
      stop: async () => {
        await services.stop();
        await stack.stop();
      },
    };
  } catch (error) {
    await stack.stop(0);
    throw error;
  }
}

/** The operator's own configuration, absolute paths; `null` = there is none and the demo's is used alone. */
function ownConfig(env: UpOptions['env']): readonly string[] | null {
  const named = env['METERSTONE_CONFIG'];
  if (named !== undefined && named !== '') return named.split(',').map((path) => resolve(path.trim()));
  return existsSync('meterstone.yaml') ? [resolve('meterstone.yaml')] : null;
}

function readSettings(env: UpOptions['env'], own: readonly string[] | null): Promise<SettingsOf<'cli'>> {
  if (own === null) return Promise.resolve(settingsFor('cli', { env, yaml: null }));
  return loadSettings('cli', { ...env, METERSTONE_CONFIG: own.join(',') });
}

function requireServicePorts(settings: SettingsOf<'cli'>, demo: boolean): Promise<void> {
  const wanted = [
    { port: settings.proxyPort, title: 'the proxy', variable: 'METERSTONE_PROXY_PORT' },
    { port: settings.reportingPort, title: 'reporting', variable: 'METERSTONE_REPORTING_PORT' },
    { port: settings.aggregatorPort, title: 'the aggregator', variable: 'METERSTONE_AGGREGATOR_PORT' },
  ];
  const provider = {
    port: settings.demoProviderPort,
    title: "the demo's provider",
    variable: 'METERSTONE_DEMO_PROVIDER_PORT',
  };
  return requireFreePorts(demo ? [...wanted, provider] : wanted);
}

const RESTART_PAUSE_MS = 500;

async function startLocalStack(
  settings: SettingsOf<'cli'>,
  root: string,
  options: UpOptions,
): Promise<Stack> {
  const stack: Stack = await startStack({
    folder: root,
    env: options.env,
    ports: {
      kafka: [settings.kafkaPort],
      kafkaController: settings.kafkaControllerPort,
      clickhouseHttp: [settings.clickhouseHttpPort],
      clickhouseTcp: [settings.clickhouseTcpPort],
    },
    databases: [settings.clickhouseDatabase],
    onProgress: options.say,
    onServerExit: (exit) => {
      const how = exit.signal ?? `status ${exit.code}`;
      options.say(`${exit.name} ended (${how}); starting it again`);
      void restart(stack, exit.name, options.say);
    },
  });
  return stack;
}

/** A database or broker that died is started again on its data; what cannot be started is said, and the rest stays up. */
async function restart(stack: Stack, name: string, say: UpOptions['say']): Promise<void> {
  const server = [...stack.kafka, ...stack.clickhouse].find((candidate) => candidate.name === name);
  await sleep(RESTART_PAUSE_MS);
  await server?.start().then(
    () => say(`${name} answers again`),
    (error: unknown) => say(`${name} could not be started again: ${String(error)}`),
  );
}

function writeRunFile({ settings, files, folder, stack }: UpContext, services: Services): void {
  const run = {
    proxy_url: `http://127.0.0.1:${settings.proxyPort}`,
    reporting_url: `http://127.0.0.1:${settings.reportingPort}`,
    aggregator_url: `http://127.0.0.1:${settings.aggregatorPort}`,
    kafka_brokers: stack.kafkaBrokers,
    clickhouse_url: stack.clickhouseUrl,
    org_id: DEMO_ORG_ID,
    api_key: files.keys.apiKey,
    report_key: files.keys.reportKey,
    admin_key: files.keys.adminKey,
    pids: { parent: process.pid, ...stack.pids(), ...services.pids() },
  };
  writePrivateFile(`${folder.root}/run.json`, JSON.stringify(run, null, 2));
}

async function showDemo(
  { files }: UpContext,
  services: Services,
  { door, say }: { door: ReportDoor; say: UpOptions['say'] },
): Promise<void> {
  say(`the demo's customers (${Object.keys(files.keys.demo).length} keys) are calling through the proxy`);
  await services.scenarioReported(door);
  say(`\n${await answerFourQuestions(door)}\n`);
}

function reportDoor(settings: SettingsOf<'cli'>, files: LocalFiles, nowMs: number): ReportDoor {
  const today = new Date(nowMs).toISOString().slice(0, 10);
  return {
    reportingUrl: `http://127.0.0.1:${settings.reportingPort}`,
    reportKey: files.keys.reportKey,
    startDate: today,
    endDate: today,
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
