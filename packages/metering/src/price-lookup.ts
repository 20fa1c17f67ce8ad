import { divideHalfEven } from './decimal.ts';
import { looseModelName, withoutSnapshot } from './model-id.ts';
import { matchesRule } from './model-rule.ts';
import { DAY_MS } from './period.ts';
import type {
  DailyWindow,
  ModelPrices,
  PriceBook,
  PriceMatch,
  PriceRow,
  ProviderPrices,
  Rates,
} from './price-book.ts';
import type { UnpricedReason } from './rating.ts';
import { pricedTier, STANDARD_TIER } from './service-tier.ts';

export interface PriceQuestion {
  readonly provider: string;
  /** The name as served; `null` or empty = none known. */
  readonly model: string | null;
  /** The tier served, in the provider's word. */
  readonly serviceTier: string | null;
  readonly region: string | null;
  /** Request start, epoch milliseconds UTC. */
  readonly occurredAt: number;
  /** All input tokens, cache reads and writes included: they decide the band. */
  readonly inputTokens: number;
}

/** Rates, or why there are none. `model` is known even when its price is not. */
export interface PriceAnswer {
  /** Canonical `creator/name`; `null` = the book does not know it. */
  readonly model: string | null;
  readonly priceMatch: PriceMatch;
  readonly rates: Rates | null;
  readonly reason: UnpricedReason | null;
}

/** What does not depend on time or size, and so can be kept per (provider, model, tier, region). */
export interface FoundPrices {
  readonly model: string | null;
  readonly priceMatch: PriceMatch;
  /** Rows of the tier, region applied; empty with a reason. */
  readonly rows: readonly PriceRow[];
  /** Why there are no rows. */
  readonly reason: UnpricedReason | null;
  /** The reason at times that no row covers. */
  readonly gapReason: UnpricedReason;
}

type ModelMatch = { readonly prices: ModelPrices; readonly priceMatch: PriceMatch };

/** Weekday of 1970-01-01 (Thursday), with 0 = Sunday. */
const EPOCH_WEEKDAY = 4;
const REGION_MULTIPLIER_ONE = 1_000_000n;

/** Looks up what a call costs per token: the model as served, at its tier, in force when the request began. */
export function lookUpPrice(book: PriceBook, question: PriceQuestion): PriceAnswer {
  const found = findPrices(book, { ...question, tier: pricedTier(question.serviceTier) });
  return answerAt(found, question.occurredAt, question.inputTokens);
}

/** The rows for a provider, model, priced tier and region. A pure function of its arguments. */
export function findPrices(
  book: PriceBook,
  question: { provider: string; model: string | null; tier: string; region: string | null },
): FoundPrices {
  const provider = book.providers.get(question.provider.toLowerCase());
  if (question.model === null || question.model === '') return notFound('no_model');
  if (provider === undefined) return notFound('unknown_provider');
  const match = findModel(book, provider, question.model);
  if (match === null) return notFound('unknown_model');
  const { prices, priceMatch } = match;
  const rows = prices.tiers.get(question.tier);
  if (rows === undefined) {
    return { ...notFound('tier_without_price'), model: prices.model };
  }
  const multiplier = regionMultiplier(prices, question.region);
  const regional = multiplier === REGION_MULTIPLIER_ONE ? rows : rows.map((row) => scaleRow(row, multiplier));
  const gapReason = question.tier === STANDARD_TIER ? 'not_in_force' : 'tier_without_price';
  return { model: prices.model, priceMatch, rows: regional, reason: null, gapReason };
}

/** Picks the row in force and the band of the input size. */
export function answerAt(found: FoundPrices, occurredAt: number, inputTokens: number): PriceAnswer {
  const { model, priceMatch, reason } = found;
  if (reason !== null) return { model, priceMatch, rates: null, reason };
  const row = rowAt(found.rows, occurredAt);
  if (row === null) return { model, priceMatch: 'none', rates: null, reason: found.gapReason };
  return { model, priceMatch, rates: ratesFor(row, inputTokens), reason: null };
}

function notFound(reason: UnpricedReason): FoundPrices {
  return { model: null, priceMatch: 'none', rows: [], reason, gapReason: reason };
}

/**
 * The book's own name first, then its rules in book order, then loosened names; only then another provider's
 * list, and by its own two ways alone, so that a guess is never made on a guess.
 */
function findModel(book: PriceBook, provider: ProviderPrices, model: string): ModelMatch | null {
  const name = model.toLowerCase().trim();
  const own = findListed(provider, name) ?? findLoosely(provider, name);
  if (own !== null) return own;
  for (const fallback of provider.fallbacks) {
    const other = book.providers.get(fallback);
    const match = other === undefined ? null : findListed(other, name);
    if (match !== null) return { prices: match.prices, priceMatch: 'fallback' };
  }
  return null;
}

function findListed(provider: ProviderPrices, name: string): ModelMatch | null {
  const listed = provider.names.get(name);
  if (listed !== undefined) return { prices: listed, priceMatch: 'exact' };
  const ruled = provider.rules.find(({ rule }) => matchesRule(rule, name));
  if (ruled === undefined) return null;
  // A snapshot date on a listed name, confirmed by a rule of the book, is that model and no guess.
  const isSnapshot = provider.names.get(withoutSnapshot(name)) === ruled.prices;
  return { prices: ruled.prices, priceMatch: isSnapshot ? 'exact' : 'pattern' };
}

function findLoosely(provider: ProviderPrices, name: string): ModelMatch | null {
  const loose = looseModelName(name, provider.provider);
  const prices = provider.looseNames.get(loose) ?? provider.looseNames.get(withoutSnapshot(loose));
  return prices === undefined ? null : { prices, priceMatch: 'pattern' };
}

/** The longest span around `occurredAt`, half-open, of which it is sure that one row, or none, holds throughout. */
export function spanAt(rows: readonly PriceRow[], occurredAt: number): { from: number; to: number } {
  let from = Number.NEGATIVE_INFINITY;
  let to = Number.POSITIVE_INFINITY;
  for (const boundary of rows.flatMap((row) => boundariesOf(row, occurredAt))) {
    if (boundary <= occurredAt) from = Math.max(from, boundary);
    else to = Math.min(to, boundary);
  }
  return { from, to };
}

/** Where a row may begin or cease to hold; of a daily window, what lies in the day of `occurredAt`. */
function boundariesOf({ from, to, window }: PriceRow, occurredAt: number): number[] {
  if (window === null) return [from, to];
  const day = Math.floor(occurredAt / DAY_MS) * DAY_MS;
  return [from, to, day, day + window.from, day + window.to, day + DAY_MS];
}

/** Windows go before rows that hold all day; of two rows the later in the book decides. */
export function rowAt(rows: readonly PriceRow[], occurredAt: number): PriceRow | null {
  let found: PriceRow | null = null;
  for (const row of rows) {
    if (occurredAt < row.from || occurredAt >= row.to) continue;
    if (row.window === null) {
      if (found === null || found.window === null) found = row;
    } else if (isInWindow(row.window, occurredAt)) {
      found = row;
    }
  }
  return found;
}

function isInWindow(window: DailyWindow, occurredAt: number): boolean {
  const day = Math.floor(occurredAt / DAY_MS);
  const time = occurredAt - day * DAY_MS;
  if (window.from <= window.to) {
    return time >= window.from && time < window.to && isOnWeekday(window, day);
  }
  if (time >= window.from) return isOnWeekday(window, day);
  return time < window.to && isOnWeekday(window, day - 1);
}

function isOnWeekday(window: DailyWindow, day: number): boolean {
  const weekday = (((day + EPOCH_WEEKDAY) % 7) + 7) % 7;
  return (window.weekdays & (1 << weekday)) !== 0;
}

/** Cliff: the last band whose threshold is exceeded prices the whole request, output included. */
function ratesFor(row: PriceRow, inputTokens: number): Rates | null {
  let rates: Rates | null = null;
  for (const band of row.bands) {
    if (rates !== null && inputTokens <= band.over) break;
    rates = band.rates;
  }
  return rates;
}

function regionMultiplier(prices: ModelPrices, region: string | null): bigint {
  if (region === null || region === '') return REGION_MULTIPLIER_ONE;
  const name = region.toLowerCase();
  const rule = prices.regionMultipliers.find((each) => each.regions.includes(name) !== each.except);
  return rule?.multiplier ?? REGION_MULTIPLIER_ONE;
}

/** Token rates × multiplier, the rate rounded once, half to even, at 1e-15. Fees per call have no region. */
function scaleRow(row: PriceRow, multiplier: bigint): PriceRow {
  const bands = row.bands.map(({ over, rates }) => ({
    over,
    rates: {
      ...rates,
      tokens: rates.tokens.map((rate) =>
        rate === null ? null : divideHalfEven(rate * multiplier, REGION_MULTIPLIER_ONE),
      ),
    },
  }));
  return { ...row, bands };
}
