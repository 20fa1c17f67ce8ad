import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { type Column, clock, counter, plain, type Table } from './column.ts';
import { AMOUNT_TYPE, RAW_TABLE } from './raw-events.ts';
import { WIDE_TABLE_SETTINGS } from './table-settings.ts';

/** One part of a rollup's key: the column, and what it is made from. */
export interface Dimension {
  readonly column: Column;
  /** Over one raw row; the argument is the name that the query gives to the raw table. */
  readonly fromRaw: (alias: string) => string;
}

/** Length of a rollup's period in seconds. Periods start at multiples of it since the epoch. */
export type PeriodSeconds = 900 | 3600 | 86_400;

/** A table of sums, fed by a materialized view that groups by the rollup's whole key. */
export interface Rollup {
  readonly name: string;
  /** The table whose blocks feed it: raw, or a rollup that has all its dimensions and shorter periods. */
  readonly source: string;
  readonly periodSeconds: PeriodSeconds;
  /** The whole key, in its order; `period_start` among them. */
  readonly dimensions: readonly Dimension[];
}

const START_OF_PERIOD: Readonly<Record<PeriodSeconds, string>> = {
  900: 'toStartOfFifteenMinutes',
  3600: 'toStartOfHour',
  86400: 'toStartOfDay',
};

/** A dimension that raw has under the same name. */
export function sameAsRaw(column: Column): Dimension {
  return { column, fromRaw: (r) => `${r}.${column.name}` };
}

/** The dimension of time, which every rollup has under one name. */
export function periodStart(seconds: PeriodSeconds): Dimension {
  return {
    column: clock('period_start', "DateTime('UTC')"),
    fromRaw: (r) => `${START_OF_PERIOD[seconds]}(${r}.occurred_at)`,
  };
}

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
    settings: WIDE_TABLE_SETTINGS,
  };
}

/** Name of the view that feeds a rollup. */
export function rollupViewName({ name, source }: Rollup): string {
  return `${name}_from_${source}`;
}

/** What the view selects: the key, then the sums, over a block of the source, which the view calls `s`. */
export function rollupSelection({ source, periodSeconds, dimensions }: Rollup): readonly string[] {
  if (source === RAW_TABLE.name) {
    return [
      ...dimensions.map(({ column, fromRaw }) => `${fromRaw('s')} AS ${column.name}`),
      ...ADDITIVE_COLUMNS.map(({ name, fromRaw }) => `${fromRaw('s')} AS ${name}`),
    ];
  }
  const coarser = (name: string) =>
    name === 'period_start' ? `${START_OF_PERIOD[periodSeconds]}(s.${name})` : `s.${name}`;
  return [
    ...dimensions.map(({ column }) => `${coarser(column.name)} AS ${column.name}`),
    ...ADDITIVE_COLUMNS.map(({ name }) => `sum(s.${name}) AS ${name}`),
  ];
}

function sumColumn(name: string, type: string): Column {
  const sumType = `SimpleAggregateFunction(sum, ${type})`;
  return type === AMOUNT_TYPE ? plain(name, sumType) : counter(name, sumType);
}
