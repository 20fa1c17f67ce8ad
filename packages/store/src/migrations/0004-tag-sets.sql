-- The tags behind the hashes in the rollups, each set of each org once. The view groups every block, so a block adds a few
-- rows, and ReplacingMergeTree keeps one of equal ones; reading takes any.
CREATE TABLE IF NOT EXISTS {database}.tag_sets (
  org_id String CODEC(ZSTD(1)),
  tags_hash UInt64 CODEC(ZSTD(1)),
  tags Array(String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (org_id, tags_hash)
SETTINGS non_replicated_deduplication_window = 10000, auto_statistics_types = '', string_serialization_version = 'single_stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.tag_sets_from_raw_events TO {database}.tag_sets AS
SELECT
  s.org_id AS org_id,
  cityHash64(s.tags) AS tags_hash,
  any(s.tags) AS tags
FROM {database}.raw_events AS s
GROUP BY org_id, tags_hash;
