import type { RangeGrowth } from '@meterstone/kafka';

/**
 * Active parts in the fullest month of any table from which on blocks are let grow, and at which they grow longest.
 * Merges that keep up leave some 60 in raw at 53,783 events/s, and left 113 for a moment (an hour's soak): a little
 * above the mark a block waits for `flushAgeMs` and for no number of rows, and no longer. ClickHouse itself holds inserts up
 * at 1,000 and refuses them at 3,000 (`parts_to_delay_insert`, `parts_to_throw_insert`), and every report reads every part.
 */
export const PARTS_CALM_MAX = 100;
export const PARTS_CROWDED = 500;
/** Once they are let grow, so few parts end it: a number that swings about one mark would begin and end it each time. */
export const PARTS_CALM_AGAIN = 80;
/**
 * Blocks of so many rows wait no longer. An insert costs ClickHouse some 40 ms of CPU and 5 µs a row, so that more rows
 * would be cheaper still; but at 8,000 events a second of a Kafka partition these have come in a quarter of a second.
 */
export const FLUSH_ROWS = 2_000;
/** How long records wait at most while parts are many, in milliseconds. */
export const RANGE_AGE_MS_MAX = 2_000;

/**
 * How long the first record of a range waits for others because of the parts that there are, in milliseconds, after it has
 * waited `beforeMs`: 0 while merges keep up. Fewer and larger blocks are fewer parts and less to merge, until they do.
 */
export function rangeAgeMs(parts: ReadonlyMap<string, number>, beforeMs: number): number {
  const most = Math.max(0, ...parts.values());
  if (most <= (beforeMs > 0 ? PARTS_CALM_AGAIN : PARTS_CALM_MAX)) {
    return 0;
  }
  const crowding = (most - PARTS_CALM_MAX) / (PARTS_CROWDED - PARTS_CALM_MAX);
  return Math.max(1, Math.round(Math.min(1, crowding) * RANGE_AGE_MS_MAX));
}

/** When a range is stored: with `FLUSH_ROWS` or after `flushAgeMs`; while parts are many, by its age alone. */
export function rangeGrowth(flushAgeMs: number, crowdedAgeMs: number): RangeGrowth {
  return crowdedAgeMs === 0
    ? { records: FLUSH_ROWS, ageMs: flushAgeMs }
    : { records: Number.POSITIVE_INFINITY, ageMs: Math.max(flushAgeMs, crowdedAgeMs) };
}
