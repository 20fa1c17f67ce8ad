-- Incarnations of topics. Numbers are given by inserting under a token made of the number: of two that want the same
-- one at once, ClickHouse keeps one, so the deduplication window here is what makes a number unique.
CREATE TABLE IF NOT EXISTS {database}.streams (
  stream UInt32 CODEC(ZSTD(1)),
  topic String CODEC(ZSTD(1)),
  fingerprint String CODEC(ZSTD(1)),
  first_seen DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (stream)
SETTINGS non_replicated_deduplication_window = 10000, auto_statistics_types = '', string_serialization_version = 'single_stream';
