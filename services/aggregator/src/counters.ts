import type { ConsumerProgress } from '@meterstone/kafka';
import { type Registry, registerReadings } from '@meterstone/runtime';
import type { RatedBatch } from './rate-batch.ts';

/** What the aggregator has done since it was started. */
export interface Counters {
  records: number;
  stored: number;
  duplicates: number;
  /** By dead-letter code. */
  readonly deadLetters: Map<string, number>;
  /** Blocks sent, failed attempts included, and how long those took, in milliseconds. */
  inserts: number;
  insertMs: number;
  /** Attempts to store a range that failed, by the code of the error. */
  readonly failures: Map<string, number>;
}

export function createCounters(): Counters {
  return {
    records: 0,
    stored: 0,
    duplicates: 0,
    deadLetters: new Map(),
    inserts: 0,
    insertMs: 0,
    failures: new Map(),
  };
}

/** Counts a range that is stored. */
export function countBatch(counters: Counters, { counts, deadLetters }: RatedBatch): void {
  counters.records += counts.records;
  counters.stored += counts.stored;
  counters.duplicates += counts.duplicates;
  for (const { code } of deadLetters) {
    increment(counters.deadLetters, code);
  }
}

export function countFailure(counters: Counters, code: string): void {
  increment(counters.failures, code);
}

/** Shows counters and lag at `/metrics`. */
export function registerCounters(
  registry: Registry,
  counters: Counters,
  progress: () => ConsumerProgress | null,
): void {
  const prefix = 'meterstone_aggregator_';
  registerReadings(registry, [
    {
      name: `${prefix}records_total`,
      help: 'Records read whose range is stored',
      kind: 'counter',
      read: () => counters.records,
    },
    {
      name: `${prefix}stored_total`,
      help: 'Usage events stored as rows',
      kind: 'counter',
      read: () => counters.stored,
    },
    {
      name: `${prefix}duplicates_total`,
      help: 'Copies of stored events that were dropped',
      kind: 'counter',
      read: () => counters.duplicates,
    },
    {
      name: `${prefix}dead_letters_total`,
      help: 'Records that became dead letters',
      kind: 'counter',
      labels: ['code'],
      read: () => labelled('code', counters.deadLetters),
    },
    {
      name: `${prefix}inserts_total`,
      help: 'Blocks sent to ClickHouse, failed attempts included',
      kind: 'counter',
      read: () => counters.inserts,
    },
    {
      name: `${prefix}insert_seconds_total`,
      help: 'Time that inserts of blocks took, failed ones included',
      kind: 'counter',
      read: () => counters.insertMs / 1000,
    },
    {
      name: `${prefix}failures_total`,
      help: 'Attempts to store a range that failed and are repeated',
      kind: 'counter',
      labels: ['code'],
      read: () => labelled('code', counters.failures),
    },
    {
      name: `${prefix}lag_records`,
      help: 'Records that wait, by assigned Kafka partition',
      kind: 'gauge',
      labels: ['kafka_partition'],
      read: () =>
        (progress()?.kafkaPartitions ?? []).flatMap(({ kafkaPartition, lag }) =>
          lag === null ? [] : [{ labels: { kafka_partition: kafkaPartition }, value: lag }],
        ),
    },
  ]);
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function labelled(label: string, counts: ReadonlyMap<string, number>) {
  return [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }));
}
