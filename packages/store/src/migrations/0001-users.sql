-- Names of users, apart from all else: usage holds a keyed hash, so that a hot key stays short and a person can be
-- erased by deleting one row. ReplacingMergeTree, because a name is written again by every aggregator that meets it.
-- The filter on the name turns a report about one user of a large org into a read of a few granules.
CREATE TABLE IF NOT EXISTS {database}.users (
  org_id String CODEC(ZSTD(1)),
  user_key FixedString(16) CODEC(ZSTD(1)),
  user String CODEC(ZSTD(1)),
  INDEX user_filter user TYPE bloom_filter(0.025) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (org_id, user_key)
SETTINGS non_replicated_deduplication_window = 10000, auto_statistics_types = '', string_serialization_version = 'single_stream';
