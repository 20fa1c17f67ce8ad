import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePorts, supervise } from '@meterstone/local-stack';
import type { BenchOptions } from '../bench.ts';
import type { Core } from '../cores.ts';
import type { BenchStack } from './bench-stack.ts';

/** One of the three services, as `npm start` runs it. */
export interface ServiceProcess {
  readonly url: string;
  readonly pid: number;
  /** What it has logged so far. */
  log(): string;
  /** Resolves when it has ended by itself after SIGTERM; rejects if it had to be killed or had failed. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly name: 'proxy' | 'aggregator' | 'reporting';
  readonly bench: BenchOptions;
  readonly stack: BenchStack;
  readonly configPath: string;
  readonly topicPrefix: string;
  readonly database: string;
  readonly kafkaPartitions: number;
  /** `null` = on any core. */
  readonly core: Core | null;
  /** Instead of the stack's own address. */
  readonly clickhouseUrl?: string;
  /** The program in place of the service's own. */
  readonly entry?: string;
  /** What to wait for. @default `/readyz` answers 200 */
  readonly isReady?: (service: ServiceProcess) => boolean | Promise<boolean>;
}

const ROOT = resolve(import.meta.dirname, '../../..');
const READY_MS_MAX = 60_000;
const READY_POLL_MS = 20;
const STOP_MS_MAX = 50_000;
/** The secret that keys user names; any will do, as long as all aggregators of a run share it. */
export const USER_KEY_SECRET = 'a secret of the bench, thirty-two characters or more';

/** Starts a service and resolves when it says that it does its work. */
export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  const { name, bench, stack, core } = options;
  const [port = 0] = await findFreePorts(1);
  const logFile = join(stack.folder, `${name}-${port}.log`);
  const node: [string, ...string[]] = [
    process.execPath,
    ...bench.nodeFlags,
    options.entry ?? join(ROOT, 'services', name, 'src/main.ts'),
  ];
  const [command, ...args] = core === null ? node : bench.cores.command(core, node);
  const child = supervise({
    name: `${name}-${port}`,
    folder: stack.folder,
    command,
    args,
    cwd: stack.folder,
    env: environmentOf(options, port),
    logFile,
  });
  bench.defer(() => child.stop(0));
  const service: ServiceProcess = {
    url: `http://127.0.0.1:${port}`,
    get pid() {
      return child.pid ?? -1;
    },
    log: () => readFileSync(logFile, 'utf8'),
    async stop() {
      const { code, signal } = await child.stop(STOP_MS_MAX);
      if (code !== 0)
        throw new Error(`${name} ended with ${signal ?? `status ${code}`}: ${tail(service.log())}`);
    },
  };
  await untilReady(service, () => child.pid !== null, options.isReady ?? saysReady);
  return service;
}

function environmentOf(options: ServiceOptions, port: number): Record<string, string> {
  const { name, stack } = options;
  const user = name === 'reporting' ? 'report' : 'ingest';
  return {
    PATH: process.env['PATH'] ?? '',
    BENCH_PROVIDER_KEY: 'sk-bench',
    BENCH_USER_KEY_SECRET: USER_KEY_SECRET,
    METERSTONE_CONFIG: options.configPath,
    METERSTONE_FOLDER: stack.folder,
    [`METERSTONE_${name.toUpperCase()}_PORT`]: String(port),
    METERSTONE_KAFKA_BROKERS: stack.stack.kafkaBrokers,
    METERSTONE_KAFKA_PARTITIONS: String(options.kafkaPartitions),
    METERSTONE_TOPIC_PREFIX: options.topicPrefix,
    METERSTONE_CLICKHOUSE_URL: options.clickhouseUrl ?? stack.stack.clickhouseUrl,
    METERSTONE_CLICKHOUSE_USER: user,
    METERSTONE_CLICKHOUSE_PASSWORD: user,
    METERSTONE_CLICKHOUSE_DATABASE: options.database,
    METERSTONE_USER_KEY_SECRET: 'env:BENCH_USER_KEY_SECRET',
  };
}

async function saysReady({ url }: ServiceProcess): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`).catch(() => null);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

async function untilReady(
  service: ServiceProcess,
  isAlive: () => boolean,
  isReady: NonNullable<ServiceOptions['isReady']>,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < READY_MS_MAX && isAlive(); waitedMs += READY_POLL_MS) {
    if (await isReady(service)) return;
    await sleep(READY_POLL_MS);
  }
  throw new Error(`${service.url} was not ready: ${tail(service.log())}`);
}

function tail(log: string): string {
  return log.slice(-3000);
}
