import { type Charge, chargeFor, isAnsweredRequest } from './charge.ts';
import { type ExactCost, listCost, NO_COST, roundCost } from './list-cost.ts';
import type { PriceMatch } from './price-book.ts';
import { answerAt, type FoundPrices, findPrices } from './price-lookup.ts';
import type { Rating, UnpricedReason } from './rating.ts';
import type { OrgTerms, RatingTerms } from './rating-terms.ts';
import { pricedReservedTier, pricedTier } from './service-tier.ts';
import type { UsageEvent } from './usage-event.ts';

/** Look-ups one rater keeps. At the bound it starts anew: names come from outside and must not fill the memory. */
const LOOKUPS_MAX = 20_000;

/** Without terms there is no plan to know of. */
const UNKNOWN_ORG_CHARGE: Charge = Object.freeze({
  amount: null,
  plan: null,
  ratePlanVersion: null,
  reason: 'unknown_org',
});

/** Rates events under one set of terms. */
export type Rater = (event: UsageEvent) => Rating;

export interface MarketPrice {
  readonly model: string;
  readonly priceMatch: PriceMatch;
  readonly cost: ExactCost | null;
  readonly reason: UnpricedReason | null;
}

type FindPrices = (event: UsageEvent) => FoundPrices;

/** Rates one event. For many, `createRater` keeps the look-ups. */
export function rateUsage(event: UsageEvent, terms: RatingTerms): Rating {
  return rate(event, terms, (each) => findPricesFor(each, terms));
}

/**
 * `rateUsage` for many events under the same terms. It remembers which rows apply to a (provider, model, tier,
 * region), which are pure functions of the terms, so that its ratings are the same warm or cold.
 */
export function createRater(terms: RatingTerms): Rater {
  const lookups = new Map<string, FoundPrices>();
  const find: FindPrices = (event) => {
    const key = lookupKey(event);
    const kept = lookups.get(key);
    if (kept !== undefined) return kept;
    if (lookups.size >= LOOKUPS_MAX) lookups.clear();
    const found = findPricesFor(event, terms);
    lookups.set(key, found);
    return found;
  };
  return (event) => rate(event, terms, find);
}

function rate(event: UsageEvent, terms: RatingTerms, find: FindPrices): Rating {
  const market = marketPrice(event, find);
  if (event.kind === 'adjustment') return adjustmentRating(event, terms, market);
  const org = terms.orgs.get(event.orgId);
  const marketCost = market.cost === null ? null : roundCost(market.cost);
  const charge = org === undefined ? UNKNOWN_ORG_CHARGE : chargeFor(event, org, market.cost);
  return {
    model: market.model,
    marketCost,
    ...operatorCost(event, org, marketCost),
    charge: charge.amount,
    priceBook: terms.priceBook.version,
    priceMatch: market.priceMatch,
    unpricedReason: market.reason ?? charge.reason,
    plan: charge.plan,
    ratePlanVersion: charge.ratePlanVersion,
    epoch: terms.epoch,
  };
}

/**
 * Adjustments carry their amounts. What they do not adjust is 0, so that sums stay sums: `null` would count the
 * row as unpriced.
 */
function adjustmentRating(event: UsageEvent, terms: RatingTerms, market: MarketPrice): Rating {
  return {
    model: market.model,
    marketCost: event.marketCostDelta ?? 0n,
    totalCost: event.totalCostDelta ?? 0n,
    surchargeCost: event.surchargeCostDelta ?? 0n,
    charge: event.chargeDelta ?? 0n,
    priceBook: terms.priceBook.version,
    priceMatch: 'none',
    unpricedReason: null,
    plan: event.plan,
    ratePlanVersion: null,
    epoch: terms.epoch,
  };
}

function marketPrice(event: UsageEvent, find: FindPrices): MarketPrice {
  const found = find(event);
  const model = found.model ?? servedModel(event) ?? '';
  if (event.usageSource === 'none') return withoutUsage(event, model);
  const answer = answerAt(found, event.occurredAt, inputTokens(event));
  if (answer.rates === null) return { model, priceMatch: 'none', cost: null, reason: answer.reason };
  const cost = listCost(event, answer.rates);
  if (typeof cost === 'string') return { model, priceMatch: answer.priceMatch, cost: null, reason: cost };
  return { model, priceMatch: answer.priceMatch, cost, reason: null };
}

/** An error without usage cost nothing; an answer whose usage nobody learnt has an unknown cost. */
export function withoutUsage(event: UsageEvent, model: string): MarketPrice {
  const failed = event.outcome === 'provider_error' || (event.httpStatus !== null && event.httpStatus >= 400);
  if (failed) return { model, priceMatch: 'none', cost: NO_COST, reason: null };
  return { model, priceMatch: 'none', cost: null, reason: 'no_usage' };
}

/**
 * Under the operator's key the list price is paid; under the caller's own only the fee, if one is set; a
 * subscription and reserved capacity are paid elsewhere, whatever is used of them.
 */
function operatorCost(
  event: UsageEvent,
  org: OrgTerms | undefined,
  marketCost: bigint | null,
): Pick<Rating, 'totalCost' | 'surchargeCost'> {
  switch (event.credentialType) {
    case 'system':
      return { totalCost: marketCost, surchargeCost: 0n };
    case 'byok': {
      if (org === undefined) return { totalCost: null, surchargeCost: null };
      const fee = isAnsweredRequest(event) ? org.byokFeePerRequest : 0n;
      return { totalCost: fee, surchargeCost: fee };
    }
    case 'subscription':
    case 'reserved':
      return { totalCost: 0n, surchargeCost: 0n };
  }
}

export function findPricesFor(event: UsageEvent, terms: RatingTerms): FoundPrices {
  const { provider, region } = event;
  const tier =
    event.credentialType === 'reserved'
      ? pricedReservedTier(event.serviceTier)
      : pricedTier(event.serviceTier);
  const kind = terms.providerKinds?.get(provider);
  // Whoever answers under this name is known by its kind; `openai_compatible` has no prices, so the name decides.
  const priced = kind !== undefined && terms.priceBook.providers.has(kind) ? kind : provider;
  return findPrices(terms.priceBook, { provider: priced, model: servedModel(event), tier, region });
}

/** The model that answered; the one asked for only where the answer names none (Cohere, Bedrock). */
export function servedModel(event: UsageEvent): string | null {
  return event.responseModel || event.requestModel || null;
}

/** Everything of an event that `findPricesFor` reads, in one string. Lengths in front keep parts from running together. */
function lookupKey(event: UsageEvent): string {
  const { provider } = event;
  const model = servedModel(event) ?? '';
  const tier = event.serviceTier ?? '';
  const reserved = event.credentialType === 'reserved' ? 1 : 0;
  return `${provider.length},${model.length},${tier.length},${reserved}:${provider}${model}${tier}${event.region ?? ''}`;
}

export function inputTokens(event: UsageEvent): number {
  return (
    event.inputTokens +
    event.inputAudioTokens +
    event.inputImageTokens +
    event.inputVideoTokens +
    event.cacheReadTokens +
    event.cacheReadAudioTokens +
    event.cacheWriteTokens +
    event.cacheWrite5mTokens +
    event.cacheWrite1hTokens
  );
}
