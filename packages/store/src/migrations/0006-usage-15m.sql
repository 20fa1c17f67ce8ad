-- The same without tags, fed by what arrives in tags_15m: a cascade costs a third of a view on raw, and a block that is
-- sent again is dropped at every step of it.
CREATE TABLE IF NOT EXISTS {database}.usage_15m (
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
ORDER BY (org_id, period_start, kind, booked_period, api_key_id, project, rate_plan, provider, model, service_tier, credential_type, zero_data_retention)
SETTINGS non_replicated_deduplication_window = 10000, auto_statistics_types = '', string_serialization_version = 'single_stream', min_level_for_wide_part = 1, merge_selector_base = 20;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.usage_15m_from_tags_15m TO {database}.usage_15m AS
SELECT
  s.org_id AS org_id,
  toStartOfFifteenMinutes(s.period_start) AS period_start,
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
  sum(s.attempts) AS attempts,
  sum(s.operations) AS operations,
  sum(s.unpriced_count) AS unpriced_count,
  sum(s.estimated_count) AS estimated_count,
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
  sum(s.market_cost) AS market_cost,
  sum(s.total_cost) AS total_cost,
  sum(s.surcharge_cost) AS surcharge_cost,
  sum(s.charge) AS charge,
  sum(s.margin) AS margin
FROM {database}.tags_15m AS s
GROUP BY org_id, period_start, kind, booked_period, api_key_id, project, rate_plan, provider, model, service_tier, credential_type, zero_data_retention;
