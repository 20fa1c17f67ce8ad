import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createKafka, type KafkaClient } from '@meterstone/kafka';
import { type Stack, startStack } from '@meterstone/local-stack';
import { createLogger } from '@meterstone/runtime';
import type { BenchOptions } from '../bench.ts';

/** A Kafka and a ClickHouse of the run's own, with all that lies beside them in one folder. */
export interface BenchStack {
  readonly stack: Stack;
  /** Temporary; goes with the run. */
  readonly folder: string;
  /** Folder of the ClickHouse server, below which `file()` reads. */
  readonly clickhouseFolder: string;
  /** Process ids of the servers, without their guardians; another one after each start. */
  readonly kafkaPid: number;
  readonly clickhousePid: number;
}

export interface BenchStackOptions {
  /** Settings of ClickHouse's profile `default`, under which its background tasks run. @default its own defaults */
  readonly backgroundSettings?: Readonly<Record<string, string>>;
}

/**
 * A broker for load: the optimising compiler and room for its page-cache bookkeeping. Its heap is touched at the start:
 * over an hour it was, little by little, and looked like a leak.
 */
const KAFKA_JVM = ['-Xms512m', '-Xmx1g', '-XX:+AlwaysPreTouch', '-XX:+UseSerialGC'];
const CLICKHOUSE_MEGABYTES_MAX = 6_144;
const CACHE_FOLDER = resolve(import.meta.dirname, '../../../.meterstone/cache');

/** Starts both; they stop, and the folder goes, when the benchmark ends. */
export async function startBenchStack(
  { say, defer }: BenchOptions,
  { backgroundSettings }: BenchStackOptions = {},
): Promise<BenchStack> {
  const folder = await mkdtemp(join(tmpdir(), 'meterstone-bench-'));
  defer(() => rm(folder, { recursive: true, force: true }));
  const stack = await startStack({
    folder,
    cacheFolder: CACHE_FOLDER,
    env: process.env,
    kafkaJvm: KAFKA_JVM,
    memory: { clickhouseMegabytesMax: CLICKHOUSE_MEGABYTES_MAX },
    onProgress: say,
    onServerExit: ({ name, logTail }) => say(`${name} ended: ${logTail}`),
  });
  defer(() => stack.stop(0));
  const clickhouseFolder = join(folder, 'data', 'clickhouse-1');
  if (backgroundSettings !== undefined) {
    await setDefaultProfile(join(clickhouseFolder, 'users.xml'), backgroundSettings);
    await stack.clickhouse[0]?.restart();
  }
  return {
    stack,
    folder,
    clickhouseFolder,
    get kafkaPid() {
      return stack.pids()['kafka-1'] ?? -1;
    },
    get clickhousePid() {
      return stack.pids()['clickhouse-1'] ?? -1;
    },
  };
}

async function setDefaultProfile(path: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const users = await readFile(path, 'utf8');
  const lines = Object.entries(settings).map(([name, value]) => `<${name}>${value}</${name}>`);
  const changed = users.replace('<default/>', `<default>${lines.join('')}</default>`);
  if (changed === users) throw new Error(`${path} has no empty profile "default"`);
  await writeFile(path, changed);
}

/** The bench's own way to the brokers. */
export function connectKafka({ stack }: BenchStack): KafkaClient {
  const logger = createLogger({ service: 'bench', level: 'fatal' });
  return createKafka({ brokers: stack.kafkaBrokers.split(','), clientId: 'bench', logger });
}
