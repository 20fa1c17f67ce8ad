import { bucketColumn, TOKEN_BUCKETS } from '@meterstone/metering';
import { type Column, counter, enumType, plain, type Table } from './column.ts';
import {
  CREDENTIAL_TYPE_CODES,
  KIND_CODES,
  OUTCOME_CODES,
  PRICE_MATCH_CODES,
  SOURCE_CODES,
  USAGE_SOURCE_CODES,
} from './enum-codes.ts';
import { WIDE_TABLE_SETTINGS } from './table-settings.ts';

/** Type of every stored amount: USD, exact to the picodollar. */
export const AMOUNT_TYPE = 'Decimal(38, 12)';
/** Texts of which an org has few. Ids stay plain: as LowCardinality, all texts of a row would cost it 3 µs more. */
const NAME = 'LowCardinality(String)';
const NULLABLE_AMOUNT = `Nullable(${AMOUNT_TYPE})`;
const INSTANT = "DateTime64(3, 'UTC')";

const IDENTITY = [
  plain('event_id', 'UUID'),
  counter('line', 'Int32'),
  plain('operation_id', 'String'),
  counter('attempt', 'Int32'),
  plain('final', 'Bool'),
  plain('parent_operation_id', 'String'),
  plain('kind', enumType(KIND_CODES)),
  plain('source', enumType(SOURCE_CODES)),
  plain('source_ref', 'String'),
];

const ADJUSTMENT = [
  plain('adjusts_event_id', 'Nullable(UUID)'),
  counter('adjusts_line', 'Int32'),
  plain('correction_id', 'String'),
  plain('reason', 'String'),
  plain('market_cost_delta', NULLABLE_AMOUNT),
  plain('total_cost_delta', NULLABLE_AMOUNT),
  plain('surcharge_cost_delta', NULLABLE_AMOUNT),
  plain('charge_delta', NULLABLE_AMOUNT),
];

/** In the order of users, neighbouring times are hours apart: T64 beats the delta codecs by a quarter. */
const CLOCKS = [counter('occurred_at', INSTANT), counter('ingested_at', INSTANT)];

const WHO = [
  plain('org_id', 'String'),
  plain('api_key_id', 'String'),
  plain('project', 'String'),
  plain('user_key', 'FixedString(16)'),
  plain('session_id', 'String'),
  plain('agent', 'String'),
  plain('trace_id', 'String'),
  plain('tags', `Array(${NAME})`),
  plain('attributes', 'Map(String, String)'),
  plain('plan', 'String'),
  plain('credential_type', enumType(CREDENTIAL_TYPE_CODES)),
  plain('zero_data_retention', 'Bool'),
];

const WHAT = [
  plain('provider', 'String'),
  plain('request_model', NAME),
  plain('response_model', NAME),
  plain('operation', 'String'),
  plain('service_tier_requested', 'String'),
  plain('service_tier', 'String'),
  plain('region', 'String'),
  plain('streamed', 'Bool'),
  plain('finish_reason', 'String'),
  plain('response_id', 'String'),
];

const OUTCOME = [
  counter('http_status', 'Int32'),
  plain('outcome', enumType(OUTCOME_CODES)),
  plain('error_type', 'String'),
  plain('usage_source', enumType(USAGE_SOURCE_CODES)),
  counter('usage_flags', 'Int32'),
  counter('request_text_bytes', 'Nullable(Int64)'),
  counter('output_deltas', 'Nullable(Int32)'),
];

const USAGE = [
  counter('present_buckets', 'Int32'),
  ...TOKEN_BUCKETS.map((bucket) => counter(bucketColumn(bucket), 'Int64')),
  plain('quantities', 'Map(String, Int64)'),
  plain('provider_reported_cost', NULLABLE_AMOUNT),
  plain('usage_raw', 'String'),
];

const SPEED = [
  counter('time_to_first_token_ms', 'Nullable(Int32)'),
  counter('duration_ms', 'Nullable(Int32)'),
];

const RATING = [
  plain('model', NAME),
  plain('market_cost', NULLABLE_AMOUNT),
  plain('total_cost', NULLABLE_AMOUNT),
  plain('surcharge_cost', NULLABLE_AMOUNT),
  plain('charge', NULLABLE_AMOUNT),
  plain('price_book', 'String'),
  plain('price_match', enumType(PRICE_MATCH_CODES)),
  plain('unpriced_reason', 'String'),
  plain('rate_plan', 'String'),
  plain('rate_plan_version', 'String'),
  plain('epoch', 'String'),
];

const STORING = [
  plain('stream', 'UInt32'),
  counter('kafka_partition', 'UInt32'),
  counter('kafka_offset', 'UInt64'),
  plain('booked_period', 'UInt32'),
];

/** Written by ClickHouse itself: our block must not depend on a clock. */
const STORED_AT: Column = { ...plain('stored_at', INSTANT), defaultExpression: 'now64(3)' };

/**
 * Columns of a raw row in the order in which `writeRawRow` writes them: the event's facts under the names they have
 * in Avro, then what rating and storing add. Absent text is the empty text and an absent HTTP status 0; where 0 is
 * a fact, the column is nullable. `plan` is the plan asked for with the request, `rate_plan` the one that applied.
 * `operation_id` is empty where the operation is named after this very event: two ids of full entropy in a row would
 * cost 16 bytes more; the view `usage_events` fills it in. An amount is NULL when it is unpriced. Counters hold the whole range of their Avro type, so nothing can wrap.
 */
export const RAW_ROW_COLUMNS: readonly Column[] = [
  ...IDENTITY,
  ...ADJUSTMENT,
  ...CLOCKS,
  ...WHO,
  ...WHAT,
  ...OUTCOME,
  ...USAGE,
  ...SPEED,
  ...RATING,
  ...STORING,
];

/**
 * Every usage line that was stored. Its order makes any question about one user a read of neighbouring rows.
 * The filter on `event_id` finds one event of a large org without reading the org's month.
 */
export const RAW_TABLE: Table = {
  name: 'raw_events',
  columns: [...RAW_ROW_COLUMNS, STORED_AT],
  indexes: ['INDEX event_id_filter event_id TYPE bloom_filter(0.025) GRANULARITY 1'],
  engine: 'MergeTree',
  partitionBy: 'toYYYYMM(occurred_at)',
  orderBy: ['org_id', 'user_key', 'occurred_at'],
  primaryKey: null,
  settings: WIDE_TABLE_SETTINGS,
};
