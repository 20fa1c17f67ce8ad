import { expect, it } from 'vitest';
import {
  FLUSH_ROWS,
  PARTS_CALM_MAX,
  PARTS_CROWDED,
  RANGE_AGE_MS_MAX,
  rangeAgeMs,
  rangeGrowth,
} from './range-age.ts';

const ageAt = (parts: number) =>
  rangeAgeMs(
    new Map([
      ['users', 1],
      ['raw_events', parts],
    ]),
  );

it('lets blocks grow with the parts of the fullest table, within bounds', () => {
  expect(rangeAgeMs(new Map())).toBe(0);
  expect(ageAt(PARTS_CALM_MAX)).toBe(0);
  expect(ageAt((PARTS_CALM_MAX + PARTS_CROWDED) / 2)).toBe(RANGE_AGE_MS_MAX / 2);
  expect(ageAt(PARTS_CROWDED)).toBe(RANGE_AGE_MS_MAX);
  expect(ageAt(3_000)).toBe(RANGE_AGE_MS_MAX);
});

it('stores few rows after their age, and by age alone while parts are many', () => {
  expect(rangeGrowth(500, 0)).toEqual({ records: FLUSH_ROWS, ageMs: 500 });
  expect(rangeGrowth(500, 20)).toEqual({ records: Number.POSITIVE_INFINITY, ageMs: 500 });
  expect(rangeGrowth(0, 1_000)).toEqual({ records: Number.POSITIVE_INFINITY, ageMs: 1_000 });
});
