import { ADDITIVE_COLUMNS } from './additive-columns.ts';

/** Digits behind the point of an amount; a count has none. */
const FRACTION_DIGITS = 12;
const UNIT = 10n ** BigInt(FRACTION_DIGITS);

/**
 * Sums of `ADDITIVE_COLUMNS`, as ClickHouse writes them, as whole numbers of 1e-12: numbers and decimals can be added and
 * compared alike then. A column that is not there is 0.
 */
export function sumsOf(values: readonly unknown[]): bigint[] {
  return ADDITIVE_COLUMNS.map((_, index) => {
    const [whole = '0', fraction = ''] = String(values[index] ?? '0').split('.');
    return BigInt(`${whole}${fraction.padEnd(FRACTION_DIGITS, '0')}`);
  });
}

/** Column → sum as a decimal, of those that are not 0. */
export function describeSums(sums: readonly bigint[]): Record<string, string> {
  const named = ADDITIVE_COLUMNS.map(({ name }, index) => [name, sums[index] ?? 0n] as const);
  return Object.fromEntries(
    named.filter(([, sum]) => sum !== 0n).map(([name, sum]) => [name, toDecimal(sum)]),
  );
}

function toDecimal(sum: bigint): string {
  const size = sum < 0n ? -sum : sum;
  const fraction = String(size % UNIT)
    .padStart(FRACTION_DIGITS, '0')
    .replace(/0+$/, '');
  return `${sum < 0n ? '-' : ''}${size / UNIT}${fraction === '' ? '' : `.${fraction}`}`;
}
