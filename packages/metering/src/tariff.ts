import { isAnsweredRequest, PER_MARKUP_UNIT, PER_PICODOLLAR } from './charge.ts';
import type { Charging } from './charging.ts';
import type { Rates } from './price-book.ts';
import { rowAt, spanAt } from './price-lookup.ts';
import { findPricesFor, inputTokens, servedModel, withoutUsage } from './rate-usage.ts';
import type { Rating } from './rating.ts';
import type { RatingTerms } from './rating-terms.ts';
import { TOKEN_BUCKETS } from './token-buckets.ts';
import type { UsageEvent } from './usage-event.ts';

/**
 * `(sum × factor + tokens × perToken + fixed) ÷ divisor`, rounded half to even, in picodollars. Integers that a
 * `number` holds exactly, all of them not negative.
 */
interface Formula {
  readonly factor: number;
  readonly perToken: number;
  readonly fixed: number;
  readonly divisor: number;
}

/**
 * How all events alike in what decides their price are rated: `rateUsage` boiled down to small integers. It holds for
 * events that occurred in `[from, to)` and took more than `inputOver` and at most `inputMax` input tokens.
 */
export interface Tariff
  extends Pick<Rating, 'model' | 'priceMatch' | 'unpricedReason' | 'plan' | 'ratePlanVersion'> {
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly inputOver: number;
  readonly inputMax: number;
  /** For each bucket of `TOKEN_BUCKETS`, what a token adds to the sum; −1 = it has no rate, so such an event is unpriced. */
  readonly weights: Float64Array;
  /** What the sum begins with. */
  readonly base: number;
  /** `null` = this amount is unpriced. */
  readonly marketCost: Formula | null;
  readonly totalCost: Formula | null;
  readonly surchargeCost: Formula | null;
  readonly charge: Formula | null;
}

/**
 * The tariff of an event of kind `usage` whose org is known, charged as `charging` says; `null` where no tariff can say
 * it: only `rateUsage` can. Quantities are left out: an event that has some is not rated by a tariff.
 */
export function findTariff(
  event: UsageEvent,
  terms: RatingTerms,
  { charging, byokFeePerRequest }: { charging: Charging; byokFeePerRequest: bigint },
): Tariff | null {
  const list = listTariff(event, terms);
  const isAnswered = isAnsweredRequest(event);
  const charge = list === null ? null : chargeFormula(list, charging, isAnswered);
  if (list === null || charge === undefined) return null;
  const fee = fixedFormula(isAnswered ? byokFeePerRequest : 0n);
  const { credentialType } = event;
  if (credentialType === 'byok' && fee === null) return null;
  return {
    ...list,
    from: Math.max(list.from, charging.from),
    to: Math.min(list.to, charging.to),
    totalCost: credentialType === 'system' ? list.marketCost : credentialType === 'byok' ? fee : NOTHING,
    surchargeCost: credentialType === 'byok' ? fee : NOTHING,
    charge,
    unpricedReason: list.unpricedReason ?? charging.reason,
    plan: charging.plan,
    ratePlanVersion: charging.version?.version ?? null,
  };
}

type ListTariff = Omit<Tariff, 'totalCost' | 'surchargeCost' | 'charge' | 'plan' | 'ratePlanVersion'> & {
  /** Femtodollars that 1 of the sum stands for. */
  readonly unit: bigint;
};

const NOTHING: Formula = { factor: 0, perToken: 0, fixed: 0, divisor: 1 };
const FEMTODOLLARS_PER_PICODOLLAR = 1000n;
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);
/** No count makes a sum of these. */
const NO_WEIGHTS = new Float64Array(TOKEN_BUCKETS.length);
const ANY_INPUT = { inputOver: Number.NEGATIVE_INFINITY, inputMax: Number.POSITIVE_INFINITY };

function listTariff(event: UsageEvent, terms: RatingTerms): ListTariff | null {
  const found = findPricesFor(event, terms);
  const model = found.model ?? servedModel(event) ?? '';
  const unmeasured = { ...ANY_INPUT, model, unit: 1n, base: 0, weights: NO_WEIGHTS };
  if (event.usageSource === 'none') {
    const { priceMatch, cost, reason } = withoutUsage(event, model);
    const marketCost = cost === null ? null : NOTHING;
    return { ...unmeasured, ...ALWAYS, priceMatch, marketCost, unpricedReason: reason };
  }
  const { reason, priceMatch, rows } = found;
  if (reason !== null) {
    return { ...unmeasured, ...ALWAYS, priceMatch, marketCost: null, unpricedReason: reason };
  }
  const row = rowAt(rows, event.occurredAt);
  const span = spanAt(rows, event.occurredAt);
  if (row === null) {
    return { ...unmeasured, ...span, priceMatch: 'none', marketCost: null, unpricedReason: found.gapReason };
  }
  const input = inputTokens(event);
  const above = row.bands.findIndex(({ over }, index) => index > 0 && input <= over);
  const band = row.bands.at(above < 0 ? -1 : above - 1);
  if (band === undefined) return null;
  const measured = weigh(band.rates, event.line === 0);
  if (measured === null) return null;
  return {
    ...span,
    ...measured,
    model,
    priceMatch,
    unpricedReason: null,
    inputOver: band === row.bands[0] ? Number.NEGATIVE_INFINITY : band.over,
    inputMax: above < 0 ? Number.POSITIVE_INFINITY : (row.bands[above]?.over ?? 0),
  };
}

const ALWAYS = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** Rates as multiples of their greatest common divisor: prices have few digits, so the sums stay small. */
function weigh(
  { tokens, request }: Rates,
  isFirstLine: boolean,
): Pick<ListTariff, 'unit' | 'base' | 'weights' | 'marketCost'> | null {
  const fee = isFirstLine ? request : 0n;
  const rates = tokens.map((rate) => rate ?? 0n);
  const unit = divisorOf([fee, ...rates]);
  const marketCost = formula({ factor: unit, perToken: 0n, fixed: 0n, divisor: FEMTODOLLARS_PER_PICODOLLAR });
  const weights = [fee, ...rates].map((rate) => rate / unit);
  if (marketCost === null || weights.some((weight) => weight < 0n || weight > LARGEST)) return null;
  const [base = 0, ...perBucket] = weights.map(Number);
  return {
    unit,
    base,
    weights: Float64Array.from(perBucket, (weight, index) => (tokens[index] === null ? -1 : weight)),
    marketCost,
  };
}

/** `undefined` = no formula can say it; `null` = unpriced. */
function chargeFormula(
  list: ListTariff,
  { plan, version }: Charging,
  isAnswered: boolean,
): Formula | null | undefined {
  if (plan === null) return NOTHING;
  if (version === null || (list.marketCost === null && version.multiplier !== 0n)) return null;
  const exact = formula({
    // Without a list cost there is no sum.
    factor: list.marketCost === null ? 0n : version.multiplier * list.unit,
    perToken: version.markupPerMillionTokens * PER_MARKUP_UNIT,
    fixed: isAnswered ? version.feePerRequest * PER_PICODOLLAR : 0n,
    divisor: PER_PICODOLLAR,
  });
  return exact ?? undefined;
}

function fixedFormula(amount: bigint): Formula | null {
  return formula({ factor: 0n, perToken: 0n, fixed: amount, divisor: 1n });
}

/** In lowest terms; `null` where a number cannot hold them. */
function formula(terms: {
  factor: bigint;
  perToken: bigint;
  fixed: bigint;
  divisor: bigint;
}): Formula | null {
  const { factor, perToken, fixed, divisor } = terms;
  const common = divisorOf([factor, perToken, fixed, divisor]);
  const all = [factor, perToken, fixed, divisor].map((term) => term / common);
  if (all.some((term) => term < 0n || term > LARGEST)) return null;
  const [a = 0, b = 0, c = 0, d = 1] = all.map(Number);
  return { factor: a, perToken: b, fixed: c, divisor: d };
}

/** Greatest common divisor; 1 of nothing but zeros. */
function divisorOf(numbers: readonly bigint[]): bigint {
  let common = 0n;
  for (const number of numbers) {
    let [a, b] = [common, number < 0n ? -number : number];
    while (b > 0n) [a, b] = [b, a % b];
    common = a;
  }
  return common === 0n ? 1n : common;
}
