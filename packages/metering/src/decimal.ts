/** An exact decimal: `digits` × 10^−`scale`. `scale` is never negative. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** Longest text read as a number. Longer is not a price, and would make BigInt arithmetic slow. */
const TEXT_CHARACTERS_MAX = 64;
const EXPONENT_MAX = 64;
const DECIMAL_PATTERN = /^(-?)(\d+)(?:\.(\d+))?$/;
const JSON_NUMBER_PATTERN = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Reads `12`, `-0.5`, `1.250`. No sign but `-`, no exponent, no spaces; `null` for anything else. */
export function parseDecimal(text: string): Decimal | null {
  return read(text, DECIMAL_PATTERN);
}

/** Reads what JSON allows for a number, the exponent included (`1.5e-7`); `null` for anything else. */
export function parseJsonNumber(text: string): Decimal | null {
  return read(text, JSON_NUMBER_PATTERN);
}

/** The decimal in units of 10^−`scale`, or `null` when it has more decimals than that. */
export function scaleExactly(decimal: Decimal, scale: number): bigint | null {
  if (decimal.scale <= scale) return decimal.digits * 10n ** BigInt(scale - decimal.scale);
  const divisor = 10n ** BigInt(decimal.scale - scale);
  return decimal.digits % divisor === 0n ? decimal.digits / divisor : null;
}

/** The decimal in units of 10^−`scale`, rounded half to even. */
export function scaleHalfEven(decimal: Decimal, scale: number): bigint {
  if (decimal.scale <= scale) return decimal.digits * 10n ** BigInt(scale - decimal.scale);
  return divideHalfEven(decimal.digits, 10n ** BigInt(decimal.scale - scale));
}

/** `numerator` ÷ `denominator`, rounded half to even. `denominator` is positive. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const rest = numerator % denominator;
  if (rest === 0n) return quotient;
  const doubled = rest < 0n ? -rest * 2n : rest * 2n;
  const awayFromZero = rest < 0n ? quotient - 1n : quotient + 1n;
  if (doubled > denominator) return awayFromZero;
  if (doubled < denominator) return quotient;
  return quotient % 2n === 0n ? quotient : awayFromZero;
}

function read(text: string, pattern: RegExp): Decimal | null {
  if (text.length > TEXT_CHARACTERS_MAX) return null;
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX) return null;
  const magnitude = BigInt(whole + fraction);
  const digits = sign === '-' ? -magnitude : magnitude;
  const scale = fraction.length - exponent;
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}
