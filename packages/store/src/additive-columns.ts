import { bucketColumn, TOKEN_BUCKETS } from '@meterstone/metering';
import { AMOUNT_TYPE } from './raw-events.ts';

/** One column of sums, the same in every rollup. */
export interface AdditiveColumn {
  readonly name: string;
  /** Type of the sum. */
  readonly type: string;
  /** The sum over raw rows; the argument is the name that the query gives to the raw table. */
  readonly fromRaw: (alias: string) => string;
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

function countOf(name: string, condition: (alias: string) => string): AdditiveColumn {
  return { name, type: 'Int64', fromRaw: (r) => `toInt64(countIf(${condition(r)}))` };
}

function amountOf(name: string, amount: (alias: string) => string): AdditiveColumn {
  return { name, type: AMOUNT_TYPE, fromRaw: (r) => `ifNull(sum(${amount(r)}), toDecimal128(0, 12))` };
}
