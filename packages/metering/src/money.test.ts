import fc from 'fast-check';
import Fraction from 'fraction.js';
import { describe, expect, it } from 'vitest';
import { divideHalfEven } from './decimal.ts';
import { amountToNumber, formatAmount, parseAmount, parseRate, roundAmount } from './money.ts';

const anyAmount = fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n });

describe('amounts', () => {
  it.each([
    ['0', 0n],
    ['-0', 0n],
    ['0.000000000001', 1n],
    ['-1.5', -1_500_000_000_000n],
    ['12', 12_000_000_000_000n],
    ['0.10', 100_000_000_000n],
    ['1.0000000000000000', 1_000_000_000_000n],
  ])('reads %s', (text, pico) => {
    expect(parseAmount(text)).toBe(pico);
  });

  it.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '.5',
    '1.',
    '1e3',
    '1,5',
    '0x1',
    'NaN',
    '0.0000000000001',
    '1'.repeat(65),
    '1'.repeat(27),
  ])('refuses %j with a code', (text) => {
    expect(() => parseAmount(text)).toThrow(
      expect.objectContaining({ code: 'invalid_amount', retryable: false }),
    );
  });

  it('writes the shortest exact decimal', () => {
    expect([0n, 1n, -1n, 1_500_000_000_000n, 13_317_600_000n, 10n ** 12n].map(formatAmount)).toEqual([
      '0',
      '0.000000000001',
      '-0.000000000001',
      '1.5',
      '0.0133176',
      '1',
    ]);
  });

  it('reads back what it wrote, for every amount', () => {
    fc.assert(fc.property(anyAmount, (pico) => parseAmount(formatAmount(pico)) === pico));
  });

  it('becomes the double nearest to the decimal', () => {
    expect(amountToNumber(100_000_000_000n)).toBe(0.1);
    expect(amountToNumber(300_000_000_000n)).toBe(0.3);
    // Dividing the double of the picodollars by 1e12 would give 10246.913497246933.
    expect(amountToNumber(10_246_913_497_246_931n)).toBe(10246.913497246931);
  });
});

describe('amounts that providers report', () => {
  it.each([
    ['0.0133176', 13_317_600_000n],
    ['1.4665e-4', 146_650_000n],
    ['1E-12', 1n],
    ['5e-13', 0n],
    ['1.5e-12', 2n],
    ['2.5e-12', 2n],
    ['0.00001234500000000001', 12_345_000n],
  ])('rounds %s half to even', (text, pico) => {
    expect(roundAmount(text)).toBe(pico);
  });

  it.each(['', 'null', '1e99', '1e400', '--1', '1'.repeat(40)])('is null for %j', (text) => {
    expect(roundAmount(text)).toBeNull();
  });
});

describe('rates', () => {
  it.each([
    // $0.125 per million = 1.25e-7 dollars = 125,000,000 femtodollars.
    ['0.125', 1_000_000, 125_000_000n],
    ['10', 1000, 10_000_000_000_000n],
    // 1/12 dollar per million: 83,333,333.3… femtodollars.
    ['0.083333333', 1_000_000, 83_333_333n],
    // Half a femtodollar goes to the even one.
    ['0.0000000005', 1_000_000, 0n],
    ['0.0000000015', 1_000_000, 2n],
    ['1', 3, 333_333_333_333_333n],
  ])('reads %s per %d', (text, per, femto) => {
    expect(parseRate(text, per)).toBe(femto);
  });

  it.each([
    ['-1', 1],
    ['1', 0],
    ['1', 0.5],
    ['1e-6', 1],
    ['', 1],
  ])('refuses %s per %d', (text, per) => {
    expect(() => parseRate(text, per)).toThrow(expect.objectContaining({ code: 'invalid_rate' }));
  });
});

describe('rounding half to even', () => {
  it('agrees with exact fractions', () => {
    const divisor = fc.bigInt({ min: 1n, max: 10n ** 20n });
    fc.assert(
      fc.property(anyAmount, divisor, (numerator, denominator) => {
        expect(divideHalfEven(numerator, denominator)).toBe(
          nearestEven(new Fraction(numerator, denominator)),
        );
      }),
    );
  });

  it('sends ties to the even neighbour on both sides of zero', () => {
    expect([-5n, -3n, -1n, 1n, 3n, 5n].map((half) => divideHalfEven(half, 2n))).toEqual([
      -2n,
      -2n,
      0n,
      0n,
      2n,
      2n,
    ]);
  });
});

function nearestEven(value: Fraction): bigint {
  const below = value.floor();
  const twiceRest = value.sub(below).mul(2);
  const floor = below.s * below.n;
  if (twiceRest.compare(1) === 0) return floor % 2n === 0n ? floor : floor + 1n;
  return twiceRest.compare(1) < 0 ? floor : floor + 1n;
}
