-- Quarters of an hour (which every zone's offset is a multiple of) by every dimension of a report, with the tag set by
-- its hash and without the user: user and tag set together have as many rows as raw. Kind and booked_period stand in the
-- key, so that closing a period changes no sum that was counted in it. SimpleAggregateFunction(sum) holds the plain
-- number; reading still sums and groups, since merges come later. The view groups by the whole key, and the table has a
-- deduplication window of its own, without which a block that is sent again would be dropped by raw and counted twice.
CREATE TABLE IF NOT EXISTS {database}.tags_15m (
  org_id String CODEC(ZSTD(1)),
  period_start DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  kind Enum8('usage' = 0, 'adjustment' = 1) CODEC(ZSTD(1)),
  booked_period UInt32 CODEC(ZSTD(1)),
  api_key_id String CODEC(ZSTD(1)),
  project String CODEC(ZSTD(1)),
  rate_plan LowCardinality(String) CODEC(ZSTD(1)),
  provider LowCardinality(String) CODEC(ZSTD(1)),
  model LowCardinality(String) CODEC(ZSTD(1)),
  service_tier LowCardinality(String) CODEC(ZSTD(1)),
  credential_type Enum8('system' = 0, 'byok' = 1, 'subscription' = 2, 'reserved' = 3) CODEC(ZSTD(1)),
  zero_data_retention Bool CODEC(ZSTD(1)),
  tags_hash UInt64 CODEC(ZSTD(1)),
  attempts SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  operations SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  unpriced_count SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  estimated_count SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  input_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  input_audio_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  input_image_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  input_video_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  cache_read_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  cache_read_audio_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  cache_write_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  cache_write_5m_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  cache_write_1h_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  output_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  reasoning_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  output_audio_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  output_image_tokens SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
  market_cost SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
  total_cost SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
  surcharge_cost SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
  charge SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
  margin SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(period_start)
PRIMARY KEY (org_id, period_start)
ORDER BY (org_id, period_start, kind, booked_period, api_key_id, project, rate_plan, provider, model, service_tier, credential_type, zero_data_retention, tags_hash)
SETTINGS non_replicated_deduplication_window = 10000, auto_statistics_types = '', string_serialization_version = 'single_stream', min_level_for_wide_part = 1, merge_selector_base = 20;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.tags_15m_from_raw_events TO {database}.tags_15m AS
SELECT
  s.org_id AS org_id,
  toStartOfFifteenMinutes(s.occurred_at) AS period_start,
  s.kind AS kind,
  s.booked_period AS booked_period,
  s.api_key_id AS api_key_id,
  s.project AS project,
  s.rate_plan AS rate_plan,
  s.provider AS provider,
  s.model AS model,
  s.service_tier AS service_tier,
  s.credential_type AS credential_type,
  s.zero_data_retention AS zero_data_retention,
  cityHash64(s.tags) AS tags_hash,
  toInt64(countIf(s.kind = 'usage' AND s.line = 0)) AS attempts,
  toInt64(countIf(s.kind = 'usage' AND s.line = 0 AND s.final)) AS operations,
  toInt64(countIf(s.kind = 'usage' AND s.unpriced_reason != '')) AS unpriced_count,
  toInt64(countIf(s.kind = 'usage' AND s.usage_source = 'estimated')) AS estimated_count,
  sum(s.input_tokens) AS input_tokens,
  sum(s.input_audio_tokens) AS input_audio_tokens,
  sum(s.input_image_tokens) AS input_image_tokens,
  sum(s.input_video_tokens) AS input_video_tokens,
  sum(s.cache_read_tokens) AS cache_read_tokens,
  sum(s.cache_read_audio_tokens) AS cache_read_audio_tokens,
  sum(s.cache_write_tokens) AS cache_write_tokens,
  sum(s.cache_write_5m_tokens) AS cache_write_5m_tokens,
  sum(s.cache_write_1h_tokens) AS cache_write_1h_tokens,
  sum(s.output_tokens) AS output_tokens,
  sum(s.reasoning_tokens) AS reasoning_tokens,
  sum(s.output_audio_tokens) AS output_audio_tokens,
  sum(s.output_image_tokens) AS output_image_tokens,
  ifNull(sum(s.market_cost), toDecimal128(0, 12)) AS market_cost,
  ifNull(sum(s.total_cost), toDecimal128(0, 12)) AS total_cost,
  ifNull(sum(s.surcharge_cost), toDecimal128(0, 12)) AS surcharge_cost,
  ifNull(sum(s.charge), toDecimal128(0, 12)) AS charge,
  ifNull(sum(s.charge - s.total_cost), toDecimal128(0, 12)) AS margin
FROM {database}.raw_events AS s
GROUP BY org_id, period_start, kind, booked_period, api_key_id, project, rate_plan, provider, model, service_tier, credential_type, zero_data_retention, tags_hash;
