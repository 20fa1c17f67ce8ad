import type { PriceBookText, RatesText, RowText } from '@meterstone/metering';

/** A price that looks like a mistake of unit, digit or column. */
export interface Suspicion {
  /** `openai gpt-5 standard`: provider, catalogue id, tier. */
  readonly place: string;
  readonly gate: string;
}

/** Dollars per million tokens, in units of 1e-9. Unit mistakes of other catalogues were all outside (2026-11-24). */
const TOKEN_PRICE_MIN = 500_000n;
const TOKEN_PRICE_MAX = 1_000_000_000_000n;
const PRICE_DECIMALS = 9;
/** A step between two rows in time, or between this book and the last, that nobody has looked at. */
const CHANGE_MAX = 3n;
const PRICE_PATTERN = /^\d+(?:\.\d{1,9})?$/;

/**
 * Whether prices are plausible, by rules that would have caught every mistake of unit known from other catalogues.
 * A suspicion is not yet a fault: the test over the data lists those that were looked at.
 */
export function findSuspicions(book: PriceBookText): Suspicion[] {
  return book.providers.flatMap(({ provider, models }) =>
    models.flatMap((model) =>
      model.rows.flatMap((row, index) => {
        const place = `${provider} ${model.id} ${row.tier}`;
        const gates = [...gatesOfRow(provider, row), ...gatesOfChange(model.rows.slice(0, index), row)];
        return [...new Set(gates)].map((gate) => ({ place, gate }));
      }),
    ),
  );
}

function gatesOfRow(provider: string, row: RowText): string[] {
  const gates = [row, ...(row.bands ?? [])].flatMap((rates) => gatesOfRates(provider, rates));
  let previous: RatesText = row;
  for (const band of row.bands ?? []) {
    if (isAnyLower(band, previous)) gates.push('a larger request is cheaper');
    previous = band;
  }
  return gates;
}

function gatesOfRates(provider: string, rates: RatesText): string[] {
  const gates: string[] = [];
  const prices = Object.values(rates.tokens);
  const others = Object.values(rates.quantities).map(({ price }) => price);
  if (![...prices, ...others].every((price) => PRICE_PATTERN.test(price)))
    return ['a price is no plain decimal'];
  for (const price of prices.map(units)) {
    if (price !== 0n && (price < TOKEN_PRICE_MIN || price > TOKEN_PRICE_MAX))
      gates.push('a token price is out of range');
  }
  const of = pricesOf(rates);
  const [input, output, read] = [of['input_tokens'], of['output_tokens'], of['cache_read_tokens']];
  const [write, writeHour] = [of['cache_write_tokens'], of['cache_write_1h_tokens']];
  if (isLower(input, read)) gates.push('a cached token costs more than a new one');
  if (output !== undefined && output !== 0n && isLower(output * 2n, input))
    gates.push('output costs less than half of input');
  if (isLower(writeHour, write)) gates.push('an hour of cache costs less than five minutes');
  if (provider === 'anthropic' && isLower(write, input)) gates.push('a cache write costs less than input');
  return gates;
}

function gatesOfChange(earlier: readonly RowText[], row: RowText): string[] {
  const previous = earlier.findLast((each) => each.tier === row.tier && each.window === undefined);
  if (previous === undefined || row.window !== undefined) return [];
  const before = pricesOf(previous);
  const isStep = Object.entries(pricesOf(row)).some(([bucket, price]) => {
    const old = before[bucket];
    return price !== undefined && old !== undefined && (price > old * CHANGE_MAX || price * CHANGE_MAX < old);
  });
  return isStep ? ['a price changed more than threefold'] : [];
}

function isAnyLower(rates: RatesText, base: RatesText): boolean {
  const basePrices = pricesOf(base);
  return Object.entries(pricesOf(rates)).some(([bucket, price]) => isLower(price, basePrices[bucket]));
}

function isLower(price: bigint | undefined, other: bigint | undefined): boolean {
  return price !== undefined && other !== undefined && price < other;
}

function pricesOf(rates: RatesText): { readonly [bucket: string]: bigint | undefined } {
  return Object.fromEntries(Object.entries(rates.tokens).map(([bucket, price]) => [bucket, units(price)]));
}

function units(price: string): bigint {
  const [whole = '0', fraction = ''] = price.split('.');
  return BigInt(whole + fraction.padEnd(PRICE_DECIMALS, '0').slice(0, PRICE_DECIMALS));
}
