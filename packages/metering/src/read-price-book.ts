import { parseDecimal, scaleExactly } from './decimal.ts';
import { MeteringError } from './errors.ts';
import { looseModelName } from './model-id.ts';
import type { ModelRule } from './model-rule.ts';
import { parseDay } from './period.ts';
import type {
  DailyWindow,
  ModelPrices,
  PriceBook,
  PriceRow,
  ProviderPrices,
  RegionMultiplier,
} from './price-book.ts';
import type {
  ModelText,
  PriceBookText,
  ProviderText,
  RegionMultiplierText,
  RowText,
  RuleText,
  WindowText,
} from './price-book-text.ts';
import { readRates, type SameRates } from './read-rates.ts';

const REGION_MULTIPLIER_DECIMALS = 6;
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const EVERY_DAY = 2 ** WEEKDAYS.length - 1;
const TIME_PATTERN = /^([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * Makes a written price book ready for look-ups. Throws `invalid_price_book` and `invalid_rate`, naming the model,
 * when a price, day, time, bucket or name in it cannot be meant: a book is read whole or not at all.
 */
export function readPriceBook(text: PriceBookText, version: string): PriceBook {
  const providers = new Map<string, ProviderPrices>();
  for (const each of text.providers) {
    const prices = readProvider(each);
    for (const name of [each.provider, ...each.aliases]) {
      if (providers.has(name)) throw invalid(`provider ${name} is there twice`);
      providers.set(name, prices);
    }
  }
  return { version, providers };
}

function readProvider(text: ProviderText): ProviderPrices {
  const names = new Map<string, ModelPrices>();
  const rules: { rule: ModelRule; prices: ModelPrices }[] = [];
  for (const model of text.models) {
    const prices = readModel(model, text);
    for (const name of model.names) {
      if (names.has(name)) throw invalid(`${text.provider} has the name ${name} twice`);
      names.set(name, prices);
    }
    for (const rule of model.rules) rules.push({ rule: readRule(rule), prices });
  }
  return {
    provider: text.provider,
    names,
    looseNames: loosen(names, text.provider),
    rules,
    fallbacks: text.fallbacks,
  };
}

function readModel(text: ModelText, provider: ProviderText): ModelPrices {
  try {
    const tiers = new Map<string, PriceRow[]>();
    for (const row of text.rows) {
      const rows = tiers.get(row.tier) ?? [];
      rows.push(readRow(row, provider.same_rates ?? {}));
      tiers.set(row.tier, rows);
    }
    const regionMultipliers = (text.region_multipliers ?? []).map(readRegionMultiplier);
    return { id: text.id, model: text.model, tiers, regionMultipliers };
  } catch (cause) {
    if (!(cause instanceof MeteringError)) throw cause;
    const message = `${provider.provider} ${text.id}: ${cause.message}`;
    throw new MeteringError(cause.code, message, { retryable: false, cause });
  }
}

function readRow(text: RowText, sameRates: SameRates): PriceRow {
  const bands = [
    { over: -1, rates: readRates(text, sameRates) },
    ...(text.bands ?? []).map((band) => ({
      over: band.over_input_tokens,
      rates: readRates(band, sameRates),
    })),
  ];
  for (const [index, band] of bands.entries()) {
    const previous = bands[index - 1];
    if (!Number.isSafeInteger(band.over) || (previous !== undefined && band.over <= previous.over)) {
      throw invalid('bands do not ascend');
    }
  }
  const from = text.from === undefined ? Number.NEGATIVE_INFINITY : readDay(text.from);
  const to = text.to === undefined ? Number.POSITIVE_INFINITY : readDay(text.to);
  if (from >= to) throw invalid('a row ends before it begins');
  return { from, to, window: text.window === undefined ? null : readWindow(text.window), bands };
}

function readDay(text: string): number {
  const day = parseDay(text);
  if (day === null) throw invalid(`${text} is no day`);
  return day;
}

function readWindow(text: WindowText): DailyWindow {
  const weekdays = text.weekdays?.reduce((bits, day) => {
    const index = WEEKDAYS.indexOf(day);
    if (index < 0) throw invalid(`${day} is no weekday`);
    return bits | (1 << index);
  }, 0);
  return { from: readTime(text.from), to: readTime(text.to), weekdays: weekdays ?? EVERY_DAY };
}

function readTime(text: string): number {
  const match = TIME_PATTERN.exec(text);
  if (match === null) throw invalid(`${text} is no time of day`);
  return (Number(match[1]) * 60 + Number(match[2])) * 60_000;
}

function readRegionMultiplier(text: RegionMultiplierText): RegionMultiplier {
  const decimal = parseDecimal(text.multiplier);
  const multiplier = decimal === null ? null : scaleExactly(decimal, REGION_MULTIPLIER_DECIMALS);
  if (multiplier === null || multiplier <= 0n) throw invalid(`${text.multiplier} is no multiplier`);
  return 'except' in text
    ? { regions: text.except, except: true, multiplier }
    : { regions: text.regions, except: false, multiplier };
}

function readRule(text: RuleText): ModelRule {
  if ('equals' in text) return { equals: text.equals };
  if ('starts_with' in text) return { startsWith: text.starts_with };
  if ('ends_with' in text) return { endsWith: text.ends_with };
  if ('contains' in text) return { contains: text.contains };
  if ('regex' in text) return { regex: new RegExp(text.regex) };
  if ('any' in text) return { any: text.any.map(readRule) };
  return { all: text.all.map(readRule) };
}

/** Names as loosely as they may be read. Where two models would share one, neither has it. */
function loosen(names: ReadonlyMap<string, ModelPrices>, provider: string): Map<string, ModelPrices> {
  const loose = new Map<string, ModelPrices>();
  const ambiguous = new Set<string>();
  for (const [name, prices] of names) {
    const key = looseModelName(name, provider);
    const other = loose.get(key);
    if (other !== undefined && other !== prices) ambiguous.add(key);
    loose.set(key, prices);
  }
  for (const key of ambiguous) loose.delete(key);
  return loose;
}

function invalid(message: string): MeteringError {
  return new MeteringError('invalid_price_book', message, { retryable: false });
}
