import type { PriceMatch } from './price-book.ts';
import type { TokenBucket } from './token-buckets.ts';

/**
 * Why an amount is `null`, a closed list with one open end: the name of the bucket or quantity without a rate.
 * `unknown_provider`, `unknown_model`, `no_model` (no name at all): the book cannot say what was used.
 * `not_in_force`: known, but not priced at that time. `tier_without_price`: the tier served has no rates of its
 * own. `no_rate_…`: used, but this has no rate. `no_usage`: an answer whose usage was never learnt.
 * `unknown_org`, `unknown_plan`, `plan_not_in_force`: the list cost may be known, the charge is not.
 */
export type UnpricedReason =
  | 'unknown_provider'
  | 'unknown_model'
  | 'no_model'
  | 'not_in_force'
  | 'tier_without_price'
  | `no_rate_${string}`
  | 'no_usage'
  | 'unknown_org'
  | 'unknown_plan'
  | 'plan_not_in_force';

/** What rating adds to an event. Amounts are in picodollars; `null` = unpriced, 0 = priced at nothing. */
export interface Rating {
  /** Canonical `creator/name`, else the response model, else the request model, else empty. */
  readonly model: string;
  /** List price, whoever's key it was. */
  readonly marketCost: bigint | null;
  /** What the operator pays. */
  readonly totalCost: bigint | null;
  /** The part of `totalCost` that is a fee on the caller's own key. */
  readonly surchargeCost: bigint | null;
  /** What the customer is billed under their plan. */
  readonly charge: bigint | null;
  /** Version of the price book used. */
  readonly priceBook: string;
  readonly priceMatch: PriceMatch;
  /** `null` when every amount is known. */
  readonly unpricedReason: UnpricedReason | null;
  /** The plan that applied; `null` = none. */
  readonly plan: string | null;
  readonly ratePlanVersion: string | null;
  readonly epoch: string;
}

/** Name of a bucket in Avro, ClickHouse and reasons: `cacheWrite1hTokens` → `cache_write_1h_tokens`. */
export function bucketColumn(bucket: TokenBucket): string {
  return bucket.replace(/([a-z])([A-Z0-9])/g, '$1_$2').toLowerCase();
}
