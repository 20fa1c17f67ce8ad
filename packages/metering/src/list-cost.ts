import { divideHalfEven } from './decimal.ts';
import type { Rates } from './price-book.ts';
import { bucketColumn, type UnpricedReason } from './rating.ts';
import { TOKEN_BUCKETS } from './token-buckets.ts';
import type { UsageEvent } from './usage-event.ts';

/**
 * A cost before rounding: `numerator` ÷ `denominator` femtodollars. The denominator is 1 unless a price per hour
 * or the like does not divide evenly.
 */
export interface ExactCost {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const FEMTODOLLARS_PER_PICODOLLAR = 1000n;

/** Nothing used, nothing to pay. */
export const NO_COST: ExactCost = Object.freeze({ numerator: 0n, denominator: 1n });

/**
 * Σ count × rate of one line, exactly; or the bucket or quantity that was used and has no rate. A fee per request
 * counts once per answer (line 0).
 */
export function listCost(event: UsageEvent, rates: Rates): ExactCost | UnpricedReason {
  let numerator = event.line === 0 ? rates.request : 0n;
  for (let i = 0; i < TOKEN_BUCKETS.length; i += 1) {
    // The bound is the length of the list, and rates are in its order.
    const bucket = TOKEN_BUCKETS[i] as (typeof TOKEN_BUCKETS)[number];
    const count = event[bucket];
    if (count === 0) continue;
    const rate = rates.tokens[i] ?? null;
    if (rate === null) return `no_rate_${bucketColumn(bucket)}`;
    numerator += BigInt(count) * rate;
  }
  return addQuantities(event.quantities, rates, numerator);
}

/** The one rounding of a list cost: half to even, to the picodollar. */
export function roundCost(cost: ExactCost): bigint {
  return divideHalfEven(cost.numerator, cost.denominator * FEMTODOLLARS_PER_PICODOLLAR);
}

function addQuantities(
  quantities: Readonly<Record<string, number>>,
  rates: Rates,
  tokenCost: bigint,
): ExactCost | UnpricedReason {
  let numerator = tokenCost;
  let denominator = 1n;
  for (const name in quantities) {
    const count = quantities[name] ?? 0;
    if (count === 0) continue;
    const rate = rates.quantities.get(name);
    if (rate === undefined) return `no_rate_${name}`;
    numerator = numerator * rate.per + BigInt(count) * rate.price * denominator;
    denominator *= rate.per;
  }
  return { numerator, denominator };
}
