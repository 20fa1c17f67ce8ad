import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { describeSums, sumsOf } from './additive-sums.ts';

it('reads what it writes, and what ClickHouse writes', () => {
  const sums = fc.array(fc.bigInt(-(10n ** 40n), 10n ** 40n), {
    minLength: ADDITIVE_COLUMNS.length,
    maxLength: ADDITIVE_COLUMNS.length,
  });
  fc.assert(
    fc.property(sums, (values) => {
      const described = describeSums(values);
      expect(sumsOf(ADDITIVE_COLUMNS.map(({ name }) => described[name]))).toEqual(values);
    }),
  );
  expect(sumsOf(['3', '-2']).slice(0, 3)).toEqual([3n * 10n ** 12n, -2n * 10n ** 12n, 0n]);
  expect(sumsOf(['-0.5', '0.000000000001'])).toEqual(expect.arrayContaining([-(5n * 10n ** 11n), 1n]));
});

it('names only what is not 0', () => {
  expect(describeSums([0n, 10n ** 12n, -1n])).toEqual({
    [ADDITIVE_COLUMNS[1]?.name ?? '']: '1',
    [ADDITIVE_COLUMNS[2]?.name ?? '']: '-0.000000000001',
  });
});
