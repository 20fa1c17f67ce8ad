/**
 * How many of the newest blocks each table remembers by token, so that one that is sent again is dropped. One insert
 * uses one block per month it touches. At 8 Kafka partitions, an insert a second each and two months, 10,000 blocks
 * are ten minutes of constant inserts; a replay must come within that, and the insert's deadline is far below it.
 * It stands on every table that an insert reaches: a view's target without it would count a retry twice.
 */
export const DEDUPLICATION_WINDOW_BLOCKS = 10_000;

/**
 * Parts fresh from an insert stay compact (few files) and become wide at their first merge. Measured with 80
 * columns: an insert costs 12 % less.
 */
export const MIN_LEVEL_FOR_WIDE_PART = 1;
