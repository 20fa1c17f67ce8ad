import { expect, it } from 'vitest';
import { parseInstant, parseLetter, parseLetters, parseWhole, toFilter } from './dead-letters-filter.ts';

it('reads days and instants in UTC, and nothing else', () => {
  expect(parseInstant('2026-01-31')).toBe(Date.UTC(2026, 0, 31));
  expect(parseInstant('2026-01-31T12:00Z')).toBe(Date.UTC(2026, 0, 31, 12));
  for (const text of ['', 'yesterday', '2026-01-31T12:00', '2026-13-01', '31.1.2026']) {
    expect(() => parseInstant(text), text).toThrow('in UTC');
  }
});

it('reads whole numbers that are not negative', () => {
  expect(parseWhole('7')).toBe(7);
  for (const text of ['', '-1', '1.5', 'x', '1e3']) expect(() => parseWhole(text), text).toThrow('whole');
});

it('reads names of letters', () => {
  expect(parseLetters('1-2-3', [parseLetter('1-2-2')])).toEqual([
    { stream: 1, kafkaPartition: 2, kafkaOffset: 2 },
    { stream: 1, kafkaPartition: 2, kafkaOffset: 3 },
  ]);
  expect(() => parseLetter('last')).toThrow('is named');
});

it('lets everything through that no option speaks of', () => {
  expect(toFilter({})).toEqual({ code: null, kafkaPartition: null, from: null, to: null, letters: null });
  expect(toFilter({ code: 'undecodable', from: 1 })).toMatchObject({ code: 'undecodable', from: 1 });
});
