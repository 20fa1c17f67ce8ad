import type { PriceBook, RatingTerms } from '@meterstone/metering';
import { loadPriceBook } from '@meterstone/price-book';
import { damagedBundle, keepBundle, missingBundle, readBundle, toBundle } from './bundle.ts';
import { type BundleContent, parseBundleText, toBundleText, toTerms } from './bundle-text.ts';
import type { ConfigFile } from './config-schema.ts';

/** What a configuration becomes its terms with. */
export interface TermsSources {
  readonly bundlesFolder: string;
  readonly priceBook: PriceBook;
  /** For a draft's name, different at each call. */
  readonly draftSuffix: string;
}

/** Keeps the bundle of a configuration and gives its terms, named by the bundle's epoch. */
export async function keepTerms(config: ConfigFile, sources: TermsSources): Promise<RatingTerms> {
  const { bundlesFolder, priceBook, draftSuffix } = sources;
  const bundle = toBundle(toBundleText(config, priceBook.version));
  await keepBundle(bundlesFolder, bundle, draftSuffix);
  // The terms are read back from the bundle's text, so that live rating and a replay cannot differ.
  return toTerms(parseBundleText(bundle.text), bundle.epoch, priceBook);
}

/**
 * The rating terms of an epoch, as they were when its rows were written. ControlError `bundle_missing` (also when
 * the price book that the bundle names is not the one of this version) or `bundle_damaged`: a replay without its
 * own terms would write other rows, so it must stop.
 */
export async function loadBundle(bundlesFolder: string, epoch: string): Promise<RatingTerms> {
  const content = parse(bundlesFolder, await readBundle(bundlesFolder, epoch), epoch);
  const priceBook = await loadPriceBook();
  if (content.price_book !== priceBook.version) {
    throw missingBundle(bundlesFolder, epoch, `its price book ${content.price_book} is not installed`);
  }
  return toTerms(content, epoch, priceBook);
}

function parse(folder: string, text: string, epoch: string): BundleContent {
  try {
    return parseBundleText(text);
  } catch (cause) {
    throw damagedBundle(folder, epoch, cause);
  }
}
