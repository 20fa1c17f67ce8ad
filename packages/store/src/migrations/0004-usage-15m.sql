-- The first rollup: quarters of an hour (which every zone's offset is a multiple of) by every dimension of a report,
-- tags as one sorted set, without the user: user and tag set together have as many rows as raw. Kind and
-- booked_period stand in the key, so that closing a period changes no sum that was counted in it.
-- SimpleAggregateFunction(sum) holds the plain number; reading still sums and groups, since merges come later.
-- The view groups by the whole key and the table has a deduplication window of its own, without which a block that
-- is sent again would be dropped by raw and counted twice here.
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
  tags Array(String) CODEC(ZSTD(1)),
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
ORDER BY (org_id, period_start, kind, booked_period, api_key_id, project, rate_plan, provider, model, service_tier, credential_type, zero_data_retention, tags)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.usage_15m_from_raw_events TO {database}.usage_15m AS
SELECT
  r.org_id AS org_id,
  toStartOfFifteenMinutes(r.occurred_at) AS period_start,
  r.kind AS kind,
  r.booked_period AS booked_period,
  r.api_key_id AS api_key_id,
  r.project AS project,
  r.rate_plan AS rate_plan,
  r.provider AS provider,
  r.model AS model,
  r.service_tier AS service_tier,
  r.credential_type AS credential_type,
  r.zero_data_retention AS zero_data_retention,
  r.tags AS tags,
  toInt64(countIf(r.kind = 'usage' AND r.line = 0)) AS attempts,
  toInt64(countIf(r.kind = 'usage' AND r.line = 0 AND r.final)) AS operations,
  toInt64(countIf(r.kind = 'usage' AND r.unpriced_reason != '')) AS unpriced_count,
  toInt64(countIf(r.kind = 'usage' AND r.usage_source = 'estimated')) AS estimated_count,
  sum(r.input_tokens) AS input_tokens,
  sum(r.input_audio_tokens) AS input_audio_tokens,
  sum(r.input_image_tokens) AS input_image_tokens,
  sum(r.input_video_tokens) AS input_video_tokens,
  sum(r.cache_read_tokens) AS cache_read_tokens,
  sum(r.cache_read_audio_tokens) AS cache_read_audio_tokens,
  sum(r.cache_write_tokens) AS cache_write_tokens,
  sum(r.cache_write_5m_tokens) AS cache_write_5m_tokens,
  sum(r.cache_write_1h_tokens) AS cache_write_1h_tokens,
  sum(r.output_tokens) AS output_tokens,
  sum(r.reasoning_tokens) AS reasoning_tokens,
  sum(r.output_audio_tokens) AS output_audio_tokens,
  sum(r.output_image_tokens) AS output_image_tokens,
  ifNull(sum(r.market_cost), toDecimal128(0, 12)) AS market_cost,
  ifNull(sum(r.total_cost), toDecimal128(0, 12)) AS total_cost,
  ifNull(sum(r.surcharge_cost), toDecimal128(0, 12)) AS surcharge_cost,
  ifNull(sum(r.charge), toDecimal128(0, 12)) AS charge,
  ifNull(sum(r.charge - r.total_cost), toDecimal128(0, 12)) AS margin
FROM {database}.raw_events AS r
GROUP BY org_id, period_start, kind, booked_period, api_key_id, project, rate_plan, provider, model, service_tier, credential_type, zero_data_retention, tags;
