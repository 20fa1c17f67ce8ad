import type { ConsumerProgress } from '@meterstone/kafka';
import { type Registry, registerReadings } from '@meterstone/runtime';
import type { PendingBatch } from './flush.ts';

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
  /** Inserts of blocks of which no answer came. */
  unknownOutcomes: number;
  /** Intents found on assignment and carried out. */
  intentsCarriedOut: number;
  /** Comparisons of raw and rollups with what a block should have left there. */
  verifications: number;
  /** Blocks that were completed after a verification had found them wanting. */
  repairs: number;
  /** Age of the oldest record of the last stored range, in milliseconds, by Kafka partition. */
  readonly rangeAgesMs: Map<number, number>;
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
    unknownOutcomes: 0,
    intentsCarriedOut: 0,
    verifications: 0,
    repairs: 0,
    rangeAgesMs: new Map(),
  };
}

/** Counts a range that is stored, at `now` (epoch milliseconds). */
export function countBatch(counters: Counters, { range, batch }: PendingBatch, now: number): void {
  const { counts, deadLetters } = batch;
  const [oldest] = range.records;
  if (oldest !== undefined) {
    counters.rangeAgesMs.set(range.kafkaPartition, Math.max(0, now - oldest.timestampMs));
  }
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
      name: `${prefix}unknown_outcomes_total`,
      help: 'Inserts of blocks of which no answer came',
      kind: 'counter',
      read: () => counters.unknownOutcomes,
    },
    {
      name: `${prefix}intents_carried_out_total`,
      help: 'Ranges that another had begun to store and this one finished',
      kind: 'counter',
      read: () => counters.intentsCarriedOut,
    },
    {
      name: `${prefix}verifications_total`,
      help: 'Comparisons of raw and rollups with what a block should have left there',
      kind: 'counter',
      read: () => counters.verifications,
    },
    {
      name: `${prefix}repairs_total`,
      help: 'Blocks completed after a verification found them wanting',
      kind: 'counter',
      read: () => counters.repairs,
    },
    {
      name: `${prefix}range_age_seconds`,
      help: 'Age of the oldest record of the last stored range, by Kafka partition',
      kind: 'gauge',
      labels: ['kafka_partition'],
      read: () =>
        [...counters.rangeAgesMs].map(([kafkaPartition, ageMs]) => ({
          labels: { kafka_partition: kafkaPartition },
          value: ageMs / 1000,
        })),
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
