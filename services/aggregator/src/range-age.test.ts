import { expect, it } from 'vitest';
import {
  FLUSH_ROWS,
  PARTS_CALM_AGAIN,
  PARTS_CALM_MAX,
  PARTS_CROWDED,
  RANGE_AGE_MS_MAX,
  rangeAgeMs,
  rangeGrowth,
} from './range-age.ts';

const ageAt = (parts: number, beforeMs = 0) =>
  rangeAgeMs(
    new Map([
      ['users', 1],
      ['raw_events', parts],
    ]),
    beforeMs,
  );

it('lets blocks grow with the parts of the fullest table, within bounds', () => {
  expect(rangeAgeMs(new Map(), 0)).toBe(0);
  expect(ageAt(PARTS_CALM_MAX)).toBe(0);
  expect(ageAt((PARTS_CALM_MAX + PARTS_CROWDED) / 2)).toBe(RANGE_AGE_MS_MAX / 2);
  expect(ageAt(PARTS_CROWDED)).toBe(RANGE_AGE_MS_MAX);
  expect(ageAt(3_000)).toBe(RANGE_AGE_MS_MAX);
});

it('ends it only when parts are clearly fewer than where it began', () => {
  expect(ageAt(PARTS_CALM_MAX + 1)).toBeGreaterThan(0);
  expect(ageAt(PARTS_CALM_AGAIN + 1, 1)).toBe(1);
  expect(ageAt(PARTS_CALM_AGAIN + 1)).toBe(0);
  expect(ageAt(PARTS_CALM_AGAIN, 2_000)).toBe(0);
});

it('stores few rows after their age, and by age alone while parts are many', () => {
  expect(rangeGrowth(500, 0)).toEqual({ records: FLUSH_ROWS, ageMs: 500 });
  expect(rangeGrowth(500, 20)).toEqual({ records: Number.POSITIVE_INFINITY, ageMs: 500 });
  expect(rangeGrowth(0, 1_000)).toEqual({ records: Number.POSITIVE_INFINITY, ageMs: 1_000 });
});
