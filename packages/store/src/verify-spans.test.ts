import { expect, test } from 'vitest';
import { spansOf } from './verify-spans.ts';

test('instants of one period, and of neighbours, are one span of whole periods', () => {
  expect(spansOf([901, 905, 1_800, 950], 900)).toEqual([{ start: 900, end: 2_700 }]);
});

test('a gap makes two spans, in order, before 1970 too', () => {
  expect(spansOf([5_000, -1], 1_000)).toEqual([
    { start: -1_000, end: 0 },
    { start: 5_000, end: 6_000 },
  ]);
});

test('no instant is no span, and very many are one', () => {
  expect(spansOf([], 900)).toEqual([]);
  const scattered = Array.from({ length: 17 }, (_, i) => i * 10);
  expect(spansOf(scattered, 1)).toEqual([{ start: 0, end: 161 }]);
  expect(spansOf(scattered.slice(1), 1)).toHaveLength(16);
});
