import { defaultPlan, findCharging } from './charging.ts';
import { divideHalfEven } from './decimal.ts';
import type { ExactCost } from './list-cost.ts';
import type { RatePlanVersion } from './rate-plan.ts';
import type { UnpricedReason } from './rating.ts';
import type { OrgTerms } from './rating-terms.ts';
import { TOKEN_BUCKETS } from './token-buckets.ts';
import type { UsageEvent } from './usage-event.ts';

/** What the customer is billed, in picodollars; `null` with the reason. */
export interface Charge {
  readonly amount: bigint | null;
  readonly plan: string | null;
  readonly ratePlanVersion: string | null;
  readonly reason: UnpricedReason | null;
}

/**
 * Charges are summed in 1e-27 dollars before the one rounding, where each part is a whole number: femtodollars
 * (1e-15) × multiplier (1e-12); picodollars per million (1e-18); picodollars (1e-12).
 */
export const PER_MARKUP_UNIT = 10n ** 9n;
export const PER_PICODOLLAR = 10n ** 15n;

/**
 * Cost-plus: multiplier × the exact list cost + markup × all tokens + fee. `cost` is `null` when the list price
 * is unknown; then only a plan that does not build on it (multiplier 0) can charge. No plan at all charges 0.
 */
export function chargeFor(event: UsageEvent, org: OrgTerms, cost: ExactCost | null): Charge {
  const { plan, version, reason } = findCharging(org, planNameFor(event, org), event.occurredAt);
  if (plan === null) return { amount: 0n, plan: null, ratePlanVersion: null, reason: null };
  if (version === null) return { amount: null, plan, ratePlanVersion: null, reason };
  return { amount: amountUnder(version, event, cost), plan, ratePlanVersion: version.version, reason: null };
}

/**
 * Whether fees per request apply: once per operation (line 0 of its final attempt), and only if it was answered.
 * Without a status (events sent in may have none) the outcome decides.
 */
export function isAnsweredRequest(event: UsageEvent): boolean {
  if (event.line !== 0 || !event.final) return false;
  return event.httpStatus === null ? event.outcome === 'ok' : event.httpStatus < 400;
}

/** The nearest assignment wins: request, user, key, org. */
function planNameFor(event: UsageEvent, org: OrgTerms): string | null {
  if (event.plan !== null) return event.plan;
  const userPlan = event.user === null ? undefined : org.userPlans.get(event.user);
  return userPlan ?? defaultPlan(org, event.apiKeyId);
}

function amountUnder(version: RatePlanVersion, event: UsageEvent, cost: ExactCost | null): bigint | null {
  if (cost === null && version.multiplier !== 0n) return null;
  const { numerator, denominator } = cost ?? { numerator: 0n, denominator: 1n };
  const markup = version.markupPerMillionTokens * totalTokens(event) * PER_MARKUP_UNIT;
  const fee = isAnsweredRequest(event) ? version.feePerRequest * PER_PICODOLLAR : 0n;
  const sum = version.multiplier * numerator + (markup + fee) * denominator;
  return divideHalfEven(sum, denominator * PER_PICODOLLAR);
}

function totalTokens(event: UsageEvent): bigint {
  let total = 0n;
  for (const bucket of TOKEN_BUCKETS) total += BigInt(event[bucket]);
  return total;
}
