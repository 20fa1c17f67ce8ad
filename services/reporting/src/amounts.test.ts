import { parseRate } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRate } from './amounts.ts';

describe('formatRate', () => {
  it.each([
    // $1.25 per million tokens is $0.00000125 per token.
    ['1.25', '0.00000125'],
    ['0', '0'],
    ['600', '0.0006'],
    ['2000000', '2'],
    ['0.000000001', '0.000000000000001'],
  ])('writes $%s per million as %s per unit', (perMillion, perUnit) => {
    expect(formatRate(parseRate(perMillion, 1_000_000))).toBe(perUnit);
  });

  it('is read back as the same rate', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), (femto) => {
        expect(parseRate(formatRate(femto), 1)).toBe(femto);
      }),
    );
  });
});
