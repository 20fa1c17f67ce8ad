-- The ledger: what is stored, a row per range of offsets. Written after the block, its views and its dead letters, and
-- before the commit on Kafka; on assignment its greatest next_offset is the position. Sums are over the stored rows.
-- ReplacingMergeTree, because a row that was written twice is the same row; its window only keeps it from happening.
CREATE TABLE IF NOT EXISTS {database}.ingest_ranges (
  stream UInt32 CODEC(ZSTD(1)),
  kafka_partition UInt32 CODEC(ZSTD(1)),
  first_offset UInt64 CODEC(DoubleDelta, ZSTD(1)),
  next_offset UInt64 CODEC(DoubleDelta, ZSTD(1)),
  token String CODEC(ZSTD(1)),
  epoch String CODEC(ZSTD(1)),
  row_layout UInt32 CODEC(ZSTD(1)),
  checksum String CODEC(ZSTD(1)),
  last_record_offset UInt64 CODEC(DoubleDelta, ZSTD(1)),
  last_record_checksum String CODEC(ZSTD(1)),
  records UInt64 CODEC(T64, ZSTD(1)),
  stored UInt64 CODEC(T64, ZSTD(1)),
  duplicates UInt64 CODEC(T64, ZSTD(1)),
  dead_letters UInt64 CODEC(T64, ZSTD(1)),
  ingested_at_max DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  input_tokens Int128 CODEC(ZSTD(1)),
  input_audio_tokens Int128 CODEC(ZSTD(1)),
  input_image_tokens Int128 CODEC(ZSTD(1)),
  input_video_tokens Int128 CODEC(ZSTD(1)),
  cache_read_tokens Int128 CODEC(ZSTD(1)),
  cache_read_audio_tokens Int128 CODEC(ZSTD(1)),
  cache_write_tokens Int128 CODEC(ZSTD(1)),
  cache_write_5m_tokens Int128 CODEC(ZSTD(1)),
  cache_write_1h_tokens Int128 CODEC(ZSTD(1)),
  output_tokens Int128 CODEC(ZSTD(1)),
  reasoning_tokens Int128 CODEC(ZSTD(1)),
  output_audio_tokens Int128 CODEC(ZSTD(1)),
  output_image_tokens Int128 CODEC(ZSTD(1)),
  market_cost Decimal(38, 12) CODEC(ZSTD(1)),
  total_cost Decimal(38, 12) CODEC(ZSTD(1)),
  surcharge_cost Decimal(38, 12) CODEC(ZSTD(1)),
  charge Decimal(38, 12) CODEC(ZSTD(1)),
  stored_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (stream, kafka_partition, first_offset)
SETTINGS non_replicated_deduplication_window = 10000, auto_statistics_types = '', string_serialization_version = 'single_stream';
