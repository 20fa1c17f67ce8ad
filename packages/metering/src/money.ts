import { divideHalfEven, parseDecimal, parseJsonNumber, scaleExactly, scaleHalfEven } from './decimal.ts';
import { MeteringError } from './errors.ts';

/** Decimals of an amount: 1 picodollar = 1e-12 USD. The scale of every stored amount. */
const AMOUNT_DECIMALS = 12;
/** Rates count in femtodollars: 1e-15 USD. */
const FEMTODOLLARS_PER_DOLLAR = 10n ** 15n;
/** Largest magnitude of an amount: what `Decimal(38, 12)` holds. */
const AMOUNT_LIMIT = 10n ** 38n;
const PICODOLLARS_PER_DOLLAR = 10n ** BigInt(AMOUNT_DECIMALS);

/**
 * US dollars as decimal text (`"0.0001"`, `"-12"`) → picodollars, exactly. Throws `invalid_amount` for other
 * text, for more than 12 decimals (nothing is rounded here) and beyond `Decimal(38, 12)`.
 */
export function parseAmount(text: string): bigint {
  const decimal = parseDecimal(text);
  const amount = decimal === null ? null : scaleExactly(decimal, AMOUNT_DECIMALS);
  if (amount === null || !fits(amount)) {
    throw new MeteringError('invalid_amount', 'not a dollar amount with at most 12 decimals', {
      retryable: false,
    });
  }
  return amount;
}

/**
 * The text of a JSON number (`String(0.0133176)`, `"1.5e-7"`) → the nearest picodollar, half to even, for costs
 * that providers report. `null` when it is no number or beyond `Decimal(38, 12)`: a fact for a flag, no error.
 */
export function roundAmount(text: string): bigint | null {
  const decimal = parseJsonNumber(text);
  if (decimal === null) return null;
  const amount = scaleHalfEven(decimal, AMOUNT_DECIMALS);
  return fits(amount) ? amount : null;
}

/** Picodollars → the shortest exact decimal text in dollars: `0`, `0.0133176`, `-1.5`. */
export function formatAmount(pico: bigint): string {
  const sign = pico < 0n ? '-' : '';
  const magnitude = pico < 0n ? -pico : pico;
  const whole = magnitude / PICODOLLARS_PER_DOLLAR;
  const fraction = (magnitude % PICODOLLARS_PER_DOLLAR)
    .toString()
    .padStart(AMOUNT_DECIMALS, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/**
 * Picodollars → the nearest double in dollars, for a report's JSON number alone. The way out is through the
 * decimal text, whose reading is correctly rounded; dividing two doubles would round twice.
 */
export function amountToNumber(pico: bigint): number {
  return Number(formatAmount(pico));
}

/**
 * Dollars per `per` units as decimal text → femtodollars per unit, half to even: `parseRate("0.125", 1_000_000)`
 * is 125,000,000. Exact up to 9 decimals per million. Throws `invalid_rate` for other text and negative rates.
 */
export function parseRate(text: string, per: number): bigint {
  const decimal = parseDecimal(text);
  if (decimal === null || decimal.digits < 0n || !Number.isSafeInteger(per) || per < 1) {
    throw new MeteringError('invalid_rate', 'not a price per a whole number of units', { retryable: false });
  }
  const denominator = BigInt(per) * 10n ** BigInt(decimal.scale);
  return divideHalfEven(decimal.digits * FEMTODOLLARS_PER_DOLLAR, denominator);
}

function fits(amount: bigint): boolean {
  return amount < AMOUNT_LIMIT && amount > -AMOUNT_LIMIT;
}
