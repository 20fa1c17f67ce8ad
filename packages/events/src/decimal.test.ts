import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDecimalBytes, toDecimalBytes } from './decimal.ts';

const LARGEST = 10n ** 38n - 1n;

describe('amounts on Avro', () => {
  it.each([
    [0n, '00'],
    [1n, '01'],
    [-1n, 'ff'],
    [127n, '7f'],
    [128n, '0080'],
    [-128n, '80'],
    [-129n, 'ff7f'],
    [256n, '0100'],
    [1_500_000_000_000n, '015d3ef79800'],
    [LARGEST, '4b3b4ca85a86c47a098a223fffffffff'],
  ])('writes %d picodollars in the fewest bytes of two’s complement', (pico, hex) => {
    expect(toDecimalBytes(pico).toString('hex')).toBe(hex);
    expect(fromDecimalBytes(Buffer.from(hex, 'hex'))).toBe(pico);
  });

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -LARGEST, max: LARGEST }), (pico) => {
        expect(fromDecimalBytes(toDecimalBytes(pico))).toBe(pico);
      }),
    );
  });

  it('reads a sign-extended form, as other writers produce', () => {
    expect(fromDecimalBytes(Buffer.from('00000005', 'hex'))).toBe(5n);
    expect(fromDecimalBytes(Buffer.from('fffffffb', 'hex'))).toBe(-5n);
  });

  it('refuses more than 38 digits and no bytes at all', () => {
    expect(() => toDecimalBytes(LARGEST + 1n)).toThrow(RangeError);
    expect(() => toDecimalBytes(-LARGEST - 1n)).toThrow(RangeError);
    expect(() => fromDecimalBytes(Buffer.from('7fffffffffffffffffffffffffffffff', 'hex'))).toThrow(
      RangeError,
    );
    expect(() => fromDecimalBytes(Buffer.alloc(17))).toThrow(RangeError);
    expect(() => fromDecimalBytes(Buffer.alloc(0))).toThrow(RangeError);
  });
});
