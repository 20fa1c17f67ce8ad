import type { PriceBook } from './price-book.ts';
import type { RatePlan } from './rate-plan.ts';

/** What rating needs to know of one org. */
export interface OrgTerms {
  readonly orgId: string;
  /** Plan of requests that no nearer assignment covers; `null` = none: such requests are not charged. */
  readonly plan: string | null;
  /** By name. */
  readonly ratePlans: ReadonlyMap<string, RatePlan>;
  /** User → plan name. */
  readonly userPlans: ReadonlyMap<string, string>;
  /** API key id → plan name. */
  readonly keyPlans: ReadonlyMap<string, string>;
  /** What the operator pays for a request under the caller's own provider key, in picodollars; 0 = no fee. */
  readonly byokFeePerRequest: bigint;
}

/**
 * Everything that a rating depends on besides the event. Two ratings of one event under terms of one epoch are
 * equal.
 */
export interface RatingTerms {
  /** Hash of the bundle these terms come from. */
  readonly epoch: string;
  readonly priceBook: PriceBook;
  readonly orgs: ReadonlyMap<string, OrgTerms>;
  /**
   * Configured provider name → its kind, whose list is used where the price book has one (`openai-eu` of kind
   * `openai` is priced as `openai`); the name decides for other kinds (`groq` of kind `openai_compatible`) and
   * where this is absent.
   */
  readonly providerKinds?: ReadonlyMap<string, string>;
}
