import { parseDecimal, scaleHalfEven } from './decimal.ts';
import { MeteringError } from './errors.ts';
import { parseRate } from './money.ts';
import type { QuantityRate, Rates } from './price-book.ts';
import type { RatesText } from './price-book-text.ts';
import { bucketColumn } from './rating.ts';
import { TOKEN_BUCKETS } from './token-buckets.ts';

/** Bucket → the bucket whose rate it has where it has none of its own, in column names. */
export type SameRates = Readonly<Record<string, string>>;

const TOKENS_PER_PRICE = 1_000_000;
const FEMTODOLLAR_DECIMALS = 15;
/** The fee of a request, among the quantities of a row. */
const REQUESTS = 'requests';
const BUCKET_COLUMNS = TOKEN_BUCKETS.map(bucketColumn);

/**
 * What holds at every provider. Reasoning is output where it has no price of its own. Providers name a lifetime of
 * cache writes or none, and price what they name: the catalogue has one rate for both, which is the 5-minute one.
 * The 1-hour rate is never guessed.
 */
const COMMON_RATES: readonly (readonly [bucket: string, other: string])[] = [
  ['reasoning_tokens', 'output_tokens'],
  ['cache_write_5m_tokens', 'cache_write_tokens'],
  ['cache_write_tokens', 'cache_write_5m_tokens'],
];

/** Rates of one band. Throws `invalid_rate` and, for a bucket that does not exist, `invalid_price_book`. */
export function readRates(text: RatesText, sameRates: SameRates): Rates {
  const prices = new Map(Object.entries(text.tokens));
  for (const [bucket, other] of [...COMMON_RATES, ...Object.entries(sameRates)]) {
    const price = prices.get(bucket) ?? prices.get(other);
    if (price !== undefined) prices.set(bucket, price);
  }
  for (const bucket of prices.keys()) {
    if (!BUCKET_COLUMNS.includes(bucket)) {
      throw new MeteringError('invalid_price_book', `${bucket} is no bucket`, { retryable: false });
    }
  }
  const tokens = BUCKET_COLUMNS.map((bucket) => {
    const price = prices.get(bucket);
    return price === undefined ? null : parseRate(price, TOKENS_PER_PRICE);
  });
  return { tokens, quantities: readQuantities(text), request: readRequestFee(text) };
}

function readQuantities(text: RatesText): ReadonlyMap<string, QuantityRate> {
  const quantities = new Map<string, QuantityRate>();
  for (const [name, { price, per }] of Object.entries(text.quantities)) {
    if (name === REQUESTS) continue;
    const decimal = parseDecimal(price);
    if (decimal === null || decimal.digits < 0n || !Number.isSafeInteger(per) || per < 1) {
      throw new MeteringError('invalid_rate', `${price} per ${per} is no price`, { retryable: false });
    }
    quantities.set(name, reduce(scaleHalfEven(decimal, FEMTODOLLAR_DECIMALS), BigInt(per)));
  }
  return quantities;
}

/** $10 per 1,000 becomes a whole number of femtodollars per use; $0.111 per hour stays a fraction. */
function reduce(price: bigint, per: bigint): QuantityRate {
  return price % per === 0n ? { price: price / per, per: 1n } : { price, per };
}

function readRequestFee(text: RatesText): bigint {
  const fee = text.quantities[REQUESTS];
  return fee === undefined ? 0n : parseRate(fee.price, fee.per);
}
