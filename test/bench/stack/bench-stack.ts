import { mkdtemp, rm } from 'node:fs/promises';
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
  /** Process ids of the servers, without their guardians. */
  readonly kafkaPid: number;
  readonly clickhousePid: number;
}

/** A broker for load: the optimising compiler and room for its page-cache bookkeeping. */
const KAFKA_JVM = ['-Xms512m', '-Xmx1g', '-XX:+UseSerialGC'];
const CLICKHOUSE_MEGABYTES_MAX = 6_144;
const CACHE_FOLDER = resolve(import.meta.dirname, '../../../.meterstone/cache');

/** Starts both; they stop, and the folder goes, when the benchmark ends. */
export async function startBenchStack({ say, defer }: BenchOptions): Promise<BenchStack> {
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
  const pids = stack.pids();
  return {
    stack,
    folder,
    clickhouseFolder: join(folder, 'data', 'clickhouse-1'),
    kafkaPid: pids['kafka-1'] ?? -1,
    clickhousePid: pids['clickhouse-1'] ?? -1,
  };
}

/** The bench's own way to the brokers. */
export function connectKafka({ stack }: BenchStack): KafkaClient {
  const logger = createLogger({ service: 'bench', level: 'fatal' });
  return createKafka({ brokers: stack.kafkaBrokers.split(','), clientId: 'bench', logger });
}
