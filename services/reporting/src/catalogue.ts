import type { Snapshot } from '@meterstone/control';
import { lookUpPrice, type PriceBook, TOKEN_BUCKETS, type TokenBucket } from '@meterstone/metering';
import { formatRate } from './amounts.ts';

/** List prices in US dollars per unit as exact decimal texts; a price that is not listed is left out. */
type ListPricing = Readonly<Record<string, string | readonly PriceTier[]>>;

/** The price of a band of input sizes, in tokens: `min` inclusive, `max` exclusive and absent in the last. */
interface PriceTier {
  readonly cost: string;
  readonly min: number;
  readonly max?: number;
}

/** One model of one configured provider. */
export interface CatalogueEntry {
  /** `provider/model`, as it is asked for at the proxy. */
  readonly id: string;
  readonly provider: string;
  /** The provider's own name for it. */
  readonly modelId: string;
  /** Canonical `creator/name`, as reports show it. */
  readonly model: string;
  /** `null` = no list price is in force. */
  readonly pricing: ListPricing | null;
}

type ProviderPrices = PriceBook['providers'] extends ReadonlyMap<string, infer P> ? P : never;
type ModelPrices = ProviderPrices['names'] extends ReadonlyMap<string, infer M> ? M : never;
type Rates = NonNullable<ReturnType<typeof lookUpPrice>['rates']>;

const PRICE_NAMES: ReadonlyMap<TokenBucket, string> = new Map([
  ['inputTokens', 'input'],
  ['outputTokens', 'output'],
  ['cacheReadTokens', 'input_cache_read'],
  ['cacheWriteTokens', 'input_cache_write'],
  // Anthropic lists writes by lifetime only; its cheapest and standard one is five minutes.
  ['cacheWrite5mTokens', 'input_cache_write'],
]);
const TIERED_PRICES = { input_tiers: 'inputTokens', output_tiers: 'outputTokens' } as const;

/** The models that the price book lists for the configured providers, by id. */
export function listModels({ providers, terms }: Snapshot, nowMs: number): readonly CatalogueEntry[] {
  const entries: CatalogueEntry[] = [];
  for (const { name, kind } of providers.values()) {
    const listed = terms.priceBook.providers.get(name) ?? terms.priceBook.providers.get(kind);
    if (listed === undefined) continue;
    for (const prices of new Set(listed.names.values())) {
      entries.push({
        id: `${name}/${prices.id}`,
        provider: name,
        modelId: prices.id,
        model: prices.model,
        pricing: listPricing({ book: terms.priceBook, provider: listed.provider, prices, nowMs }),
      });
    }
  }
  return entries.sort((a, b) => (a.id < b.id ? -1 : 1));
}

interface Priced {
  readonly book: PriceBook;
  readonly provider: string;
  readonly prices: ModelPrices;
  readonly nowMs: number;
}

function listPricing(priced: Priced): ListPricing | null {
  const rates = ratesFor(priced, 0);
  if (rates === null) return null;
  const pricing: Record<string, string | readonly PriceTier[]> = {};
  for (const [bucket, name] of PRICE_NAMES) {
    const rate = rateOf(rates, bucket);
    if (rate !== null) pricing[name] = formatRate(rate);
  }
  const search = rates.quantities.get('web_search_requests');
  if (search !== undefined) pricing['web_search'] = formatRate((search.price + search.per / 2n) / search.per);
  for (const [name, bucket] of Object.entries(TIERED_PRICES)) {
    const tiers = listTiers(priced, bucket);
    if (tiers.length > 1) pricing[name] = tiers;
  }
  return pricing;
}

/** One tier for each size of input from which the price changes. */
function listTiers(priced: Priced, bucket: TokenBucket): readonly PriceTier[] {
  const tiers: { cost: string; min: number; max?: number }[] = [];
  for (const min of bandStarts(priced.prices)) {
    const rates = ratesFor(priced, min);
    const rate = rates === null ? null : rateOf(rates, bucket);
    const last = tiers.at(-1);
    if (rate === null || last?.cost === formatRate(rate)) continue;
    if (last !== undefined) last.max = min;
    tiers.push({ cost: formatRate(rate), min });
  }
  return tiers;
}

/** Sizes of input from which any row may price otherwise, rising from 0. */
function bandStarts({ tiers }: ModelPrices): readonly number[] {
  const bands = [...tiers.values()].flat().flatMap((row) => row.bands);
  const starts = bands.map(({ over }) => Math.max(over + 1, 0));
  return [...new Set([0, ...starts])].sort((a, b) => a - b);
}

function ratesFor({ book, provider, prices, nowMs }: Priced, inputTokens: number): Rates | null {
  const question = { provider, model: prices.id, serviceTier: null, region: null };
  return lookUpPrice(book, { ...question, occurredAt: nowMs, inputTokens }).rates;
}

function rateOf(rates: Rates, bucket: TokenBucket): bigint | null {
  return rates.tokens[TOKEN_BUCKETS.indexOf(bucket)] ?? null;
}
