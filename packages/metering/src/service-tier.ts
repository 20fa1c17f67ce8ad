/** The tier whose rates are the list price. */
export const STANDARD_TIER = 'standard';

/**
 * Words of providers for one tier. `default`, `standard` and `on_demand` are list price by definition: OpenAI
 * and xAI answer `default`, Anthropic, Gemini and Bedrock `standard`, Groq and Vertex `on_demand`; `auto` is
 * what is asked for, and some answers echo it; Snowflake's is empty (recordings read on 2026-11-24).
 */
const TIER_WORDS: ReadonlyMap<string, string> = new Map([
  ['', STANDARD_TIER],
  ['auto', STANDARD_TIER],
  ['default', STANDARD_TIER],
  ['standard', STANDARD_TIER],
  ['on_demand', STANDARD_TIER],
  ['on_demand_flex', 'flex'],
  ['on_demand_priority', 'priority'],
]);

/** Tiers whose capacity is bought ahead: OpenAI's scale tier, Vertex' provisioned throughput. */
const PREPAID_TIERS: ReadonlySet<string> = new Set(['scale', 'provisioned', 'provisioned_throughput']);

/** The tier *served* → the key of its rates in the book. `null` (the provider named none) is list price. */
export function pricedTier(serviceTier: string | null): string {
  if (serviceTier === null) return STANDARD_TIER;
  const word = serviceTier.toLowerCase();
  return TIER_WORDS.get(word) ?? word;
}

/**
 * The tier for usage under reserved capacity: prepaid tiers are measured at list price (what the capacity saved),
 * for they have no price per token of their own.
 */
export function pricedReservedTier(serviceTier: string | null): string {
  const tier = pricedTier(serviceTier);
  return PREPAID_TIERS.has(tier) ? STANDARD_TIER : tier;
}
