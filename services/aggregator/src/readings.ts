import type { ConsumerProgress } from '@meterstone/kafka';
import { type Reading, type Registry, registerReadings } from '@meterstone/runtime';
import type { Counters } from './counters.ts';
import { CLOCK_SKEW_MS_MAX } from './older-events.ts';

export interface ReadingSources {
  readonly counters: Counters;
  /** `null` = there is no consumer yet. */
  readonly progress: () => ConsumerProgress | null;
  /** Active parts by table. */
  readonly parts: () => ReadonlyMap<string, number>;
  /** How long records wait for others since parts are many, milliseconds. */
  readonly rangeAgeMs: () => number;
}

/** Shows what was done, what waits and how ClickHouse bears it at `/metrics`. */
export function registerAggregatorReadings(registry: Registry, sources: ReadingSources): void {
  registerReadings(registry, [
    ...recordReadings(sources.counters),
    ...storeReadings(sources.counters),
    ...progressReadings(sources),
  ]);
}

const PREFIX = 'meterstone_aggregator_';

function recordReadings(counters: Counters): Reading[] {
  return [
    total('records', 'Records read whose range is stored', () => counters.records),
    total('stored', 'Usage events stored as rows', () => counters.stored),
    total('duplicates', 'Copies of stored events that were dropped', () => counters.duplicates),
    {
      name: `${PREFIX}dead_letters_total`,
      help: 'Records that became dead letters',
      kind: 'counter',
      labels: ['code'],
      read: () => labelled('code', counters.deadLetters),
    },
    total(
      'ids_looked_up',
      'Ids that memory could not decide and ClickHouse was asked for',
      () => counters.idsLookedUp,
    ),
    {
      name: `${PREFIX}memory_restarts_total`,
      help: 'Times that what is remembered of prices was full and began afresh: the same result, later',
      kind: 'counter',
      labels: ['limit'],
      read: () => labelled('limit', counters.memoryRestarts),
    },
    total(
      'clocks_ahead',
      `Events whose ids were made, by their proxy's clock, more than ${CLOCK_SKEW_MS_MAX / 1000} s after Kafka took them`,
      () => counters.clocksAhead,
    ),
  ];
}

function storeReadings(counters: Counters): Reading[] {
  return [
    total('inserts', 'Blocks sent to ClickHouse, failed attempts included', () => counters.inserts),
    total(
      'insert_seconds',
      'Time that inserts of blocks took, failed ones included',
      () => counters.insertMs / 1000,
    ),
    {
      name: `${PREFIX}failures_total`,
      help: 'Attempts to store a range that failed and are repeated',
      kind: 'counter',
      labels: ['code'],
      read: () => labelled('code', counters.failures),
    },
    total('unknown_outcomes', 'Inserts of blocks of which no answer came', () => counters.unknownOutcomes),
    total(
      'intents_carried_out',
      'Ranges that another had begun to store and this one finished',
      () => counters.intentsCarriedOut,
    ),
    total(
      'verifications',
      'Comparisons of raw and rollups with what a block should have left there',
      () => counters.verifications,
    ),
    total('repairs', 'Blocks completed after a verification found them wanting', () => counters.repairs),
    total(
      'splits',
      'Blocks that ClickHouse had no memory for and whose ranges were stored in parts',
      () => counters.splits,
    ),
  ];
}

function progressReadings({ counters, progress, parts, rangeAgeMs }: ReadingSources): Reading[] {
  const partitions = () => progress()?.kafkaPartitions ?? [];
  return [
    {
      name: `${PREFIX}lag_records`,
      help: 'Records that wait, by assigned Kafka partition',
      kind: 'gauge',
      labels: ['kafka_partition'],
      read: () =>
        partitions().flatMap(({ kafkaPartition, lag }) =>
          lag === null ? [] : [{ labels: { kafka_partition: kafkaPartition }, value: lag }],
        ),
    },
    {
      name: `${PREFIX}stopped_partitions`,
      help: 'Assigned Kafka partitions of which nothing is stored until somebody decides',
      kind: 'gauge',
      read: () => partitions().filter(({ stopped }) => stopped !== null).length,
    },
    {
      name: `${PREFIX}range_age_seconds`,
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
      name: `${PREFIX}parts`,
      help: 'Active parts in the fullest month of each table of ClickHouse',
      kind: 'gauge',
      labels: ['table'],
      read: () => labelled('table', parts()),
    },
    {
      name: `${PREFIX}range_wait_seconds`,
      help: 'How long records wait for others, since ClickHouse has many parts to merge; 0 = it keeps up',
      kind: 'gauge',
      read: () => rangeAgeMs() / 1000,
    },
  ];
}

function total(name: string, help: string, read: () => number): Reading {
  return { name: `${PREFIX}${name}_total`, help, kind: 'counter', read };
}

function labelled(label: string, counts: ReadonlyMap<string, number>) {
  return [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }));
}
