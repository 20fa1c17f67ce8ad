/** A price book as it is written down: decimal texts in dollars, days and times in UTC, names in snake_case. */
export interface PriceBookText {
  readonly providers: readonly ProviderText[];
}

export interface ProviderText {
  readonly provider: string;
  /** Other spellings of the name. */
  readonly aliases: readonly string[];
  /** Providers whose list stands in for models that are not here. */
  readonly fallbacks: readonly string[];
  /** Bucket → the bucket whose rate it has where it has none of its own. */
  readonly same_rates?: Readonly<Record<string, string>>;
  readonly models: readonly ModelText[];
}

export interface ModelText {
  readonly id: string;
  /** Canonical `creator/name`. */
  readonly model: string;
  readonly names: readonly string[];
  readonly rules: readonly RuleText[];
  readonly rows: readonly RowText[];
  readonly region_multipliers?: readonly RegionMultiplierText[];
}

export type RuleText =
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly equals: string }
  | { readonly regex: string }
  | { readonly any: readonly RuleText[] }
  | { readonly all: readonly RuleText[] };

export interface RatesText {
  /** Bucket → dollars per million tokens. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Quantity → dollars per `per` of it; `requests` is the fee of each answered request. */
  readonly quantities: Readonly<Record<string, { readonly price: string; readonly per: number }>>;
}

export interface RowText extends RatesText {
  readonly tier: string;
  /** `YYYY-MM-DD`, in force from the beginning of the UTC day; absent = always was. */
  readonly from?: string;
  /** First day no longer in force; absent = until further notice. */
  readonly to?: string;
  readonly window?: WindowText;
  /** Rates of larger requests, ascending. */
  readonly bands?: readonly (RatesText & { readonly over_input_tokens: number })[];
}

export interface WindowText {
  /** `HH:MM` UTC, half-open; passing midnight is allowed. */
  readonly from: string;
  readonly to: string;
  /** `sun` … `sat`; absent = every day. */
  readonly weekdays?: readonly string[];
}

export type RegionMultiplierText = { readonly multiplier: string } & (
  | { readonly regions: readonly string[] }
  | { readonly except: readonly string[] }
);
