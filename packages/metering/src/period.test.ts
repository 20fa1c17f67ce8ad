import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, dayRange, formatDay, parseDay } from './period.ts';

describe('days', () => {
  it.each([
    ['1970-01-01', 0],
    ['2026-11-24', 1_795_478_400_000],
    ['2024-02-29', 1_709_164_800_000],
    ['0099-12-31', Date.parse('0099-12-31T00:00:00Z')],
  ])('%s begins at its UTC midnight', (text, instant) => {
    expect(parseDay(text)).toBe(instant);
  });

  it.each([
    '2026-02-29',
    '2100-02-29',
    '2026-04-31',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
    '2026-1-1',
    '2026-01-01T00:00:00Z',
    ' 2026-01-01',
    '2026-01-01\n',
    '26-01-01',
    '20260101',
    '٢٠٢٦-٠١-٠١',
    '',
  ])('%j is no day', (text) => {
    expect(parseDay(text)).toBeNull();
  });

  it('are read back as they were written', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -719_528, max: 2_932_896 }),
        (day) => parseDay(formatDay(day * DAY_MS)) === day * DAY_MS,
      ),
    );
  });
});

describe('ranges of inclusive days', () => {
  it('become half-open instants', () => {
    expect(dayRange('2026-11-01', '2026-11-30')).toEqual({
      start: Date.parse('2026-11-01T00:00:00Z'),
      end: Date.parse('2026-12-01T00:00:00Z'),
    });
  });

  it('of one day last one day', () => {
    expect(dayRange('2026-11-24', '2026-11-24')).toEqual({
      start: 1_795_478_400_000,
      end: 1_795_564_800_000,
    });
  });

  it('need real days in order', () => {
    expect(dayRange('2026-11-25', '2026-11-24')).toBeNull();
    expect(dayRange('2026-02-30', '2026-03-01')).toBeNull();
    expect(dayRange('2026-02-01', '2026-02-30')).toBeNull();
  });

  it('tile: one ends where the next begins', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), fc.nat(400), fc.nat(400), (first, length, next) => {
        const day = (n: number): string => formatDay(n * DAY_MS);
        const left = dayRange(day(first), day(first + length));
        const right = dayRange(day(first + length + 1), day(first + length + 1 + next));
        expect(left?.end).toBe(right?.start);
      }),
    );
  });
});
