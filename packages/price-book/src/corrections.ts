import type { PriceBookText, ProviderText, RatesText, RowText } from '@meterstone/metering';

/** One known fault of the catalogue and what is so instead. Every line says why, after which source, read when. */
export interface Correction {
  readonly provider: string;
  /** Catalogue ids; absent = every model of the provider. */
  readonly models?: readonly string[];
  readonly reason: string;
  readonly source: string;
  /** `YYYY-MM-DD` */
  readonly checked: string;
  /** Replaces all rows of the models. */
  readonly rows?: readonly RowText[];
  /** Added to all rows, where the row has none of its own. */
  readonly quantities?: RatesText['quantities'];
  readonly region_multipliers?: ModelText['region_multipliers'];
  /** For the provider: buckets that have the rate of another. */
  readonly same_rates?: ProviderText['same_rates'];
}

type ModelText = ProviderText['models'][number];

/**
 * The catalogue with our corrections over it. Throws when a correction names a provider or model that the catalogue
 * does not have: after a new export, a correction that fits nothing must be looked at, not skipped.
 */
export function applyCorrections(book: PriceBookText, corrections: readonly Correction[]): PriceBookText {
  const providers = new Map(book.providers.map((provider) => [provider.provider, provider]));
  for (const correction of corrections) {
    const provider = providers.get(correction.provider);
    if (provider === undefined) throw new Error(`correction of unknown provider ${correction.provider}`);
    providers.set(correction.provider, correctProvider(provider, correction));
  }
  return { providers: [...providers.values()] };
}

function correctProvider(provider: ProviderText, correction: Correction): ProviderText {
  const ids = correction.models;
  for (const id of ids ?? []) {
    if (!provider.models.some((model) => model.id === id)) {
      throw new Error(`correction of unknown model ${provider.provider} ${id}`);
    }
  }
  const models = provider.models.map((model) =>
    ids === undefined || ids.includes(model.id) ? correctModel(model, correction) : model,
  );
  return { ...provider, models, same_rates: { ...provider.same_rates, ...correction.same_rates } };
}

function correctModel(model: ModelText, correction: Correction): ModelText {
  const { rows = model.rows, quantities, region_multipliers = model.region_multipliers } = correction;
  const corrected = {
    ...model,
    rows: quantities === undefined ? rows : rows.map((row) => extend(row, quantities)),
  };
  return region_multipliers === undefined ? corrected : { ...corrected, region_multipliers };
}

function extend(row: RowText, quantities: RatesText['quantities']): RowText {
  const extended = { ...row, quantities: { ...quantities, ...row.quantities } };
  if (row.bands === undefined) return extended;
  const bands = row.bands.map((band) => ({ ...band, quantities: { ...quantities, ...band.quantities } }));
  return { ...extended, bands };
}
