import { bucketColumn, TOKEN_BUCKETS } from '@meterstone/metering';
import { type Column, clock, counter, enumType, plain, type Table } from './column.ts';
import { CREDENTIAL_TYPE_CODES, KIND_CODES } from './enum-codes.ts';
import { AMOUNT_TYPE, RAW_TABLE } from './raw-events.ts';
import { DEDUPLICATION_WINDOW_BLOCKS, MIN_LEVEL_FOR_WIDE_PART } from './table-settings.ts';

/** One part of a rollup's key: the column and what it is made from. */
interface Dimension {
  readonly column: Column;
  /** Over one raw row, whose table is called `r`. */
  readonly fromRaw: string;
}

/** One column of sums, the same in every rollup. */
export interface AdditiveColumn {
  readonly name: string;
  /** Type of the sum. */
  readonly type: string;
  /** The sum over raw rows; the argument is the name that the query gives to the raw table. */
  readonly fromRaw: (alias: string) => string;
}

/** A table of sums, fed from raw by a materialized view that groups by the rollup's whole key. */
export interface Rollup {
  readonly name: string;
  /** Seconds of one period; a period starts at a multiple of it since the epoch. */
  readonly periodSeconds: number;
  readonly dimensions: readonly Dimension[];
}

/** Attempts are counted on line 0 alone: further lines are what other models billed inside the same attempt. */
const IS_ATTEMPT = (r: string) => `${r}.kind = 'usage' AND ${r}.line = 0`;

/**
 * Every sum that a rollup holds. `operations` counts ended operations; `unpriced_count` lines with an amount that
 * is not known; `estimated_count` lines whose usage was estimated. Sums of amounts leave unknown ones out, and
 * `margin` is Σ (charge − total_cost) over the lines where both are known: it cannot be had from the two sums.
 */
export const ADDITIVE_COLUMNS: readonly AdditiveColumn[] = [
  countOf('attempts', IS_ATTEMPT),
  countOf('operations', (r) => `${IS_ATTEMPT(r)} AND ${r}.final`),
  countOf('unpriced_count', (r) => `${r}.kind = 'usage' AND ${r}.unpriced_reason != ''`),
  countOf('estimated_count', (r) => `${r}.kind = 'usage' AND ${r}.usage_source = 'estimated'`),
  ...TOKEN_BUCKETS.map((bucket) => {
    const name = bucketColumn(bucket);
    return { name, type: 'Int64', fromRaw: (r: string) => `sum(${r}.${name})` };
  }),
  amountOf('market_cost', (r) => `${r}.market_cost`),
  amountOf('total_cost', (r) => `${r}.total_cost`),
  amountOf('surcharge_cost', (r) => `${r}.surcharge_cost`),
  amountOf('charge', (r) => `${r}.charge`),
  amountOf('margin', (r) => `${r}.charge - ${r}.total_cost`),
];

/** 15 minutes × tag set, without user: every question of an org about itself, in any zone, at any grain. */
export const USAGE_15M: Rollup = {
  name: 'usage_15m',
  periodSeconds: 900,
  dimensions: [
    { column: plain('org_id', 'String'), fromRaw: 'r.org_id' },
    {
      column: clock('period_start', "DateTime('UTC')"),
      fromRaw: 'toStartOfFifteenMinutes(r.occurred_at)',
    },
    { column: plain('kind', enumType(KIND_CODES)), fromRaw: 'r.kind' },
    { column: plain('booked_period', 'UInt32'), fromRaw: 'r.booked_period' },
    { column: plain('api_key_id', 'String'), fromRaw: 'r.api_key_id' },
    { column: plain('project', 'String'), fromRaw: 'r.project' },
    { column: plain('rate_plan', 'LowCardinality(String)'), fromRaw: 'r.rate_plan' },
    { column: plain('provider', 'LowCardinality(String)'), fromRaw: 'r.provider' },
    { column: plain('model', 'LowCardinality(String)'), fromRaw: 'r.model' },
    { column: plain('service_tier', 'LowCardinality(String)'), fromRaw: 'r.service_tier' },
    { column: plain('credential_type', enumType(CREDENTIAL_TYPE_CODES)), fromRaw: 'r.credential_type' },
    { column: plain('zero_data_retention', 'Bool'), fromRaw: 'r.zero_data_retention' },
    { column: plain('tags', 'Array(String)'), fromRaw: 'r.tags' },
  ],
};

/** The one list of rollups. */
export const ROLLUPS: readonly Rollup[] = [USAGE_15M];

/** The table that holds a rollup. */
export function rollupTable(rollup: Rollup): Table {
  return {
    name: rollup.name,
    columns: [
      ...rollup.dimensions.map((dimension) => dimension.column),
      ...ADDITIVE_COLUMNS.map(({ name, type }) => sumColumn(name, type)),
    ],
    indexes: [],
    engine: 'AggregatingMergeTree',
    partitionBy: 'toYYYYMM(period_start)',
    orderBy: rollup.dimensions.map((dimension) => dimension.column.name),
    primaryKey: ['org_id', 'period_start'],
    settings: {
      non_replicated_deduplication_window: DEDUPLICATION_WINDOW_BLOCKS,
      min_level_for_wide_part: MIN_LEVEL_FOR_WIDE_PART,
    },
  };
}

/** Name of the view that feeds a rollup. */
export function rollupViewName(rollup: Rollup): string {
  return `${rollup.name}_from_${RAW_TABLE.name}`;
}

function sumColumn(name: string, type: string): Column {
  const sumType = `SimpleAggregateFunction(sum, ${type})`;
  return type === AMOUNT_TYPE ? plain(name, sumType) : counter(name, sumType);
}

function countOf(name: string, condition: (alias: string) => string): AdditiveColumn {
  return { name, type: 'Int64', fromRaw: (r) => `toInt64(countIf(${condition(r)}))` };
}

function amountOf(name: string, amount: (alias: string) => string): AdditiveColumn {
  return { name, type: AMOUNT_TYPE, fromRaw: (r) => `ifNull(sum(${amount(r)}), toDecimal128(0, 12))` };
}
