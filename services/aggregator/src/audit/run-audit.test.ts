import { expect, it } from 'vitest';
import { isClosed } from './run-audit.ts';

const DAY_MS = 86_400_000;
const DAY = Date.UTC(2026, 10, 24);

it('calls a day closed from an hour after its end on', () => {
  const end = DAY + DAY_MS;
  expect(isClosed(DAY, DAY + 1)).toBe(false);
  expect(isClosed(DAY, end)).toBe(false);
  expect(isClosed(DAY, end + 3_599_999)).toBe(false);
  expect(isClosed(DAY, end + 3_600_000)).toBe(true);
  expect(isClosed(DAY, end + 400 * DAY_MS)).toBe(true);
});
