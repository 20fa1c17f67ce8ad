import { expect, test } from 'vitest';
import { judgeFlatness } from './flatness.ts';

const BOUNDS = { tolerance: 0.1, slack: 0 };

test('what filled up in the first quarter is flat', () => {
  const samples = [1, 50, 90, 99, 100, 100, 101, 100, 100, 101, 100, 100, 100, 102, 101, 100];
  expect(judgeFlatness(samples, BOUNDS)).toEqual({ second: 100, last: 100.5, max: 102, isFlat: true });
});

test('what rises and rises is not', () => {
  const samples = Array.from({ length: 40 }, (_, index) => 100 + index);
  expect(judgeFlatness(samples, BOUNDS).isFlat).toBe(false);
});

test('a small quantity may rise by its slack', () => {
  const samples = [0, 0, 1, 1, 1, 1, 4, 4];
  expect(judgeFlatness(samples, { tolerance: 0, slack: 3 }).isFlat).toBe(true);
  expect(judgeFlatness(samples, { tolerance: 0, slack: 2 }).isFlat).toBe(false);
});
