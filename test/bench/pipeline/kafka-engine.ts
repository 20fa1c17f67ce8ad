import { setTimeout as sleep } from 'node:timers/promises';
import { type KafkaClient, topicNames } from '@meterstone/kafka';
import type { BenchOptions } from '../bench.ts';
import type { BenchStack } from '../stack/bench-stack.ts';
import type { ClickHouse } from '../stack/clickhouse.ts';
import { untilCommitted } from '../stack/drain.ts';
import { openProgressOf } from '../stack/group-progress.ts';
import { createTables, type RawLayout } from './raw-layout.ts';
import type { TwinTopic } from './twin-topic.ts';

/**
 * What ClickHouse's documentation of the engine advises (clickhouse.com/docs/engines/table-engines/integrations/kafka,
 * 2026-11-24): as many consumers as there are cores and at most as many as Kafka partitions, each with a thread and a
 * flush of its own, and blocks as large as `max_insert_block_size` allows for that many.
 */
const CONSUMERS = 2;
export const BLOCK_ROWS_MAX = Math.floor(1_048_449 / CONSUMERS);
/** Far beyond what a block takes to fill: blocks end by rows, as they do under constant load. */
const FLUSH_MS = 120_000;
const POLL_MS = 25;
const START_MS_MAX = 60_000;
const STANDSTILL_MS_MAX = 180_000;

/**
 * Settings of ClickHouse's background inserts, which the engine's are: it takes none of its own. They are the
 * aggregator's, and deduplication is off.
 */
export const ENGINE_BACKGROUND_SETTINGS = {
  optimize_on_insert: '0',
  insert_deduplicate: '0',
  deduplicate_blocks_in_dependent_materialized_views: '0',
};

/**
 * Rows of one block, so that the last block of each consumer is as full as the others: the engine would wait for more
 * rows to fill it, and the wait would be in the figure. At least a quarter of the maximum, where the number of messages
 * has such a divisor; else the maximum.
 */
export function engineBlockRows(events: number, rowsPerMessage: number): number {
  const messages = events / CONSUMERS / rowsPerMessage;
  const messagesMax = Math.floor(BLOCK_ROWS_MAX / rowsPerMessage);
  for (let size = Math.min(messagesMax, messages); size >= Math.min(messagesMax, messages) / 4; size -= 1) {
    if (Number.isInteger(size) && Number.isInteger(messages / size)) return size * rowsPerMessage;
  }
  return BLOCK_ROWS_MAX;
}

export interface EngineOptions extends TwinTopic {
  readonly bench: BenchOptions;
  readonly stack: BenchStack;
  readonly kafka: KafkaClient;
  readonly clickhouse: ClickHouse;
  readonly layout: RawLayout;
  readonly database: string;
  readonly events: number;
}

/** Drains the twin through the engine into identical tables. Gives seconds from its first assignment to its last commit. */
export async function drainByEngine(options: EngineOptions): Promise<number> {
  const { bench, stack, kafka, clickhouse, database, prefix } = options;
  const group = { groupId: database, topic: topicNames(prefix).usageEvents };
  await createTables(stack, database);
  const progress = await openProgressOf(kafka, group, bench.defer);
  const queue = `${database}_queue`;
  await createQueue(options, queue);
  try {
    await untilAssigned(clickhouse, queue);
    const startedAt = performance.now();
    await untilCommitted(progress, STANDSTILL_MS_MAX);
    return (performance.now() - startedAt) / 1000;
  } catch (error) {
    throw new Error(`the Kafka engine failed: ${await readExceptions(clickhouse, queue)}`, { cause: error });
  } finally {
    await clickhouse.run(`DROP DATABASE ${queue} SYNC`);
  }
}

async function createQueue(options: EngineOptions, queue: string): Promise<void> {
  const { stack, clickhouse, layout, database, prefix, events, rowsPerMessage } = options;
  await clickhouse.run(`CREATE DATABASE ${queue}`);
  await clickhouse.run(
    `CREATE TABLE ${queue}.events (${layout.structure}) ENGINE = Kafka SETTINGS
     kafka_broker_list = '${stack.stack.kafkaBrokers}', kafka_topic_list = '${topicNames(prefix).usageEvents}',
     kafka_group_name = '${database}', kafka_format = 'RowBinary', kafka_num_consumers = ${CONSUMERS},
     kafka_thread_per_consumer = 1, kafka_max_block_size = ${engineBlockRows(events, rowsPerMessage)},
     kafka_flush_interval_ms = ${FLUSH_MS}`,
  );
  await clickhouse.run(
    `CREATE MATERIALIZED VIEW ${queue}.to_raw TO ${database}.raw_events AS SELECT ${layout.names} FROM ${queue}.events`,
  );
}

async function untilAssigned(clickhouse: ClickHouse, queue: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS_MAX; waitedMs += POLL_MS) {
    const [seen] = await clickhouse.rows(
      `SELECT countIf(notEmpty(assignments.partition_id)) AS assigned FROM system.kafka_consumers
       WHERE database = '${queue}'`,
    );
    if (Number(seen?.['assigned']) === CONSUMERS) return;
    await sleep(POLL_MS);
  }
  throw new Error(`no Kafka partitions were assigned within ${START_MS_MAX} ms`);
}

async function readExceptions(clickhouse: ClickHouse, queue: string): Promise<string> {
  const rows = await clickhouse.rows(
    `SELECT consumer_id, exceptions.text AS texts FROM system.kafka_consumers WHERE database = '${queue}'`,
  );
  return JSON.stringify(rows).slice(0, 2_000);
}
