import type { PendingBatch } from './pending-batch.ts';

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
  /** Ranges that were stored in parts, since ClickHouse had no memory for them. */
  splits: number;
  /** Ids that memory could not decide and ClickHouse was asked for. */
  idsLookedUp: number;
  /** Events whose ids say that they were made long after their records. */
  clocksAhead: number;
  /** How often what is remembered of prices was full and began afresh, by the limit that was passed. */
  readonly memoryRestarts: Map<string, number>;
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
    splits: 0,
    idsLookedUp: 0,
    clocksAhead: 0,
    memoryRestarts: new Map(),
    rangeAgesMs: new Map(),
  };
}

/** Counts a range that is stored, at `now` (epoch milliseconds). */
export function countBatch(counters: Counters, { range, batch }: PendingBatch, now: number): void {
  const { counts, deadLetters } = batch;
  const oldest = range.records.at(0);
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

export function countMemoryRestart(counters: Counters, limit: string): void {
  increment(counters.memoryRestarts, limit);
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
