/**
 * How many of the newest blocks each table remembers by token, so that one that is sent again is dropped. One insert
 * uses one block per month it touches. At 8 Kafka partitions, an insert a second each and two months, 10,000 blocks
 * are ten minutes of constant inserts; a replay must come within that, and the insert's deadline is far below it.
 * It stands on every table that an insert reaches: a view's target without it would count a retry twice.
 */
const DEDUPLICATION_WINDOW_BLOCKS = 10_000;

/**
 * Parts fresh from an insert stay compact (few files) and become wide at their first merge. Measured with 80
 * columns: an insert costs 12 % less.
 */
const MIN_LEVEL_FOR_WIDE_PART = 1;

/**
 * How many parts of like size are merged into one: more of them rewrite a row less often, and merging is what storing costs
 * most (`docs/decisions/0004-blocks.md`). 900 inserts of 6,000 rows and their merges took ClickHouse 35.7 µs of CPU a row
 * with 12, 29.7 with 20 and 29.3 with 32; on average 12, 16 and 18 parts of `tags_15m` stood at a time. The default is 5.
 */
const MERGE_SELECTOR_BASE = 20;

/** Settings of every table. */
export const TABLE_SETTINGS = {
  non_replicated_deduplication_window: DEDUPLICATION_WINDOW_BLOCKS,
  // By default (26.7) every merge counts the different values of every column, for plans that no question of ours needs.
  auto_statistics_types: "''",
  // Lengths of texts beside the texts, and not in a stream of their own as by default (26.7): 3 bytes a raw row less. Both
  // together save 15 to 18 % of what merging raw costs (2026-11-30).
  string_serialization_version: "'single_stream'",
} as const;

/** Settings of the tables with many columns: raw and the rollups. */
export const WIDE_TABLE_SETTINGS = {
  ...TABLE_SETTINGS,
  min_level_for_wide_part: MIN_LEVEL_FOR_WIDE_PART,
  merge_selector_base: MERGE_SELECTOR_BASE,
} as const;
