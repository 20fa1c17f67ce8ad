import type { Tariff } from './tariff.ts';
import { TOKEN_BUCKETS } from './token-buckets.ts';

/** The amounts of a rating as safe integers; −1 = unpriced. */
export interface SmallAmounts {
  marketCost: number;
  totalCost: number;
  surchargeCost: number;
  charge: number;
}

/**
 * Rates an event by a tariff that holds for it: writes its amounts in picodollars into `amounts`, equal to those of
 * `rateUsage`. `counts` are its tokens in the order of `TOKEN_BUCKETS`, none negative. False = the numbers became too
 * large to be exact, or it used a bucket without a rate; then the amounts mean nothing, and `rateUsage` knows.
 */
export function rateByTariff(tariff: Tariff, counts: Float64Array, amounts: SmallAmounts): boolean {
  const { weights } = tariff;
  let sum = tariff.base;
  let tokens = 0;
  let lacks = false;
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const count = counts[bucket] ?? 0;
    if (count !== 0) {
      const weight = weights[bucket] ?? 0;
      sum += count * weight;
      tokens += count;
      lacks ||= weight < 0;
    }
  }
  // An exact sum of what is not negative is no smaller than any of its parts, so these are exact too.
  if (lacks || sum > Number.MAX_SAFE_INTEGER || tokens > Number.MAX_SAFE_INTEGER) return false;
  amounts.marketCost = amountOf(tariff.marketCost, sum, tokens);
  amounts.totalCost =
    tariff.totalCost === tariff.marketCost ? amounts.marketCost : amountOf(tariff.totalCost, sum, tokens);
  amounts.surchargeCost = amountOf(tariff.surchargeCost, sum, tokens);
  amounts.charge = amountOf(tariff.charge, sum, tokens);
  return (
    amounts.marketCost !== INEXACT &&
    amounts.totalCost !== INEXACT &&
    amounts.surchargeCost !== INEXACT &&
    amounts.charge !== INEXACT
  );
}

const BUCKETS = TOKEN_BUCKETS.length;
const UNPRICED = -1;
const INEXACT = -2;
/** A division's first guess may be one too many: what that comes to has to be exact as well. */
const NUMERATOR_MAX = 2 ** 52;

function amountOf(formula: Tariff['charge'], sum: number, tokens: number): number {
  if (formula === null) return UNPRICED;
  const { divisor } = formula;
  const numerator = sum * formula.factor + tokens * formula.perToken + formula.fixed;
  if (numerator > NUMERATOR_MAX) return INEXACT;
  return divisor === 1 ? numerator : divideHalfEven(numerator, divisor);
}

/** The numerator is at most `NUMERATOR_MAX`, neither is negative. The quotient as a float may be one off. */
function divideHalfEven(numerator: number, divisor: number): number {
  let quotient = Math.floor(numerator / divisor);
  let rest = numerator - quotient * divisor;
  if (rest < 0) {
    quotient -= 1;
    rest += divisor;
  } else if (rest >= divisor) {
    quotient += 1;
    rest -= divisor;
  }
  const other = divisor - rest;
  if (rest === other) return quotient % 2 === 0 ? quotient : quotient + 1;
  return rest > other ? quotient + 1 : quotient;
}
