import { expect, test } from 'vitest';
import { insertWays } from './best-insert.ts';

test('every format, number of threads and block size is looked at, the own one among them', () => {
  const ways = insertWays(99_000, 2_000_000);
  expect(ways).toHaveLength(12);
  expect(ways).toContainEqual({ format: 'RowBinary', threads: 1, blockRows: 99_000 });
  expect(ways).toContainEqual({ format: 'Native', threads: 2, blockRows: 1_000_000 });
});

test('block sizes beyond all rows are one', () => {
  expect(insertWays(32_000, 40_000).map(({ blockRows }) => blockRows)).toEqual([
    32_000, 40_000, 32_000, 40_000, 32_000, 40_000, 32_000, 40_000,
  ]);
});
