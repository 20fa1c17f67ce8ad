import type { ModelRule } from './model-rule.ts';

/**
 * How the price was found: `exact` (the book lists the name, or a snapshot date of a name it lists), `pattern` (by
 * a rule or a loosened name: a new model may look like an old one), `fallback` (another provider's list stood
 * in), `none` (no price).
 */
export type PriceMatch = 'exact' | 'pattern' | 'fallback' | 'none';

/** Dollars × 1e-15 per `per` units, so that prices that do not divide evenly (per hour) stay exact. */
export interface QuantityRate {
  readonly price: bigint;
  readonly per: bigint;
}

/** Prices of one band of input sizes. All amounts are list prices in femtodollars. */
export interface Rates {
  /** One rate per bucket, in the order of `TOKEN_BUCKETS`; `null` = the book has no rate, 0 = free of charge. */
  readonly tokens: readonly (bigint | null)[];
  /** Per-call quantities by name (`web_search_requests`); a name that is not here has no rate. */
  readonly quantities: ReadonlyMap<string, QuantityRate>;
  /** Fee of each answered request, in femtodollars; 0 = none. */
  readonly request: bigint;
}

/** A daily window in UTC. */
export interface DailyWindow {
  /** Milliseconds after midnight, half-open. `from` > `to` passes midnight and belongs to the day it begins on. */
  readonly from: number;
  readonly to: number;
  /** Bit d set: applies on weekday d (0 = Sunday). */
  readonly weekdays: number;
}

/** One row: what one service tier costs in one span of time. */
export interface PriceRow {
  /** Epoch milliseconds, half-open; −Infinity / Infinity when open. */
  readonly from: number;
  readonly to: number;
  /** `null` = all day. A window counts only inside [from, to) and goes before a row without one. */
  readonly window: DailyWindow | null;
  /** Ascending by `over`: the last band with total input tokens > `over` prices the whole request (a cliff). */
  readonly bands: readonly PriceBand[];
}

interface PriceBand {
  /** Input tokens, cache included, that must be exceeded; −1 for the first band. */
  readonly over: number;
  readonly rates: Rates;
}

/** A surcharge on token rates where the model runs. */
export interface RegionMultiplier {
  /** Applies in these regions, or everywhere but in these. */
  readonly regions: readonly string[];
  readonly except: boolean;
  /** In units of 1e-6: 1.1 is 1,100,000. */
  readonly multiplier: bigint;
}

/** One priced model of one provider. */
export interface ModelPrices {
  /** The catalogue's id, unique in its provider. */
  readonly id: string;
  /** Canonical `creator/name`. */
  readonly model: string;
  /** Rows by service tier; `standard` is the list price. */
  readonly tiers: ReadonlyMap<string, readonly PriceRow[]>;
  readonly regionMultipliers: readonly RegionMultiplier[];
}

export interface ProviderPrices {
  readonly provider: string;
  /** By name in lower case. */
  readonly names: ReadonlyMap<string, ModelPrices>;
  /** By loosened name; a loosened name that would fit two models is left out. */
  readonly looseNames: ReadonlyMap<string, ModelPrices>;
  /** In book order: the first that matches decides. */
  readonly rules: readonly { readonly rule: ModelRule; readonly prices: ModelPrices }[];
  /** Providers whose list stands in for models that this one has no price for. */
  readonly fallbacks: readonly string[];
}

/** List prices, ready to look up; pure data. `version` is the hash of the files it was read from. */
export interface PriceBook {
  readonly version: string;
  /** By provider name and by every other spelling of it. */
  readonly providers: ReadonlyMap<string, ProviderPrices>;
}
