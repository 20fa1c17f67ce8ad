import { expect, test } from 'vitest';
import { judgeMerges, type PartSample } from './part-counts.ts';

/** One look a second, from the start of a run on. */
function samples(seconds: number, partsAt: (second: number) => number): PartSample[] {
  return Array.from({ length: seconds }, (_, second) => ({
    at: 1_000_000 + second * 1000,
    parts: new Map([['raw_events', partsAt(second)]]),
  }));
}

const run = (seconds: number) => ({ startedAt: 1_000_000, endedAt: 1_000_000 + seconds * 1000 });

test('a run of less than a minute says nothing about merges', () => {
  expect(
    judgeMerges(
      samples(59, () => 1),
      run(59),
    ),
  ).toEqual({ kind: 'too_short', seconds: 59 });
});

test('merges keep up when the last 20 s have no more parts than the first', () => {
  const verdict = judgeMerges(
    samples(90, (second) => (second < 20 ? 12 : second < 70 ? 40 : 12)),
    run(90),
  );
  expect(verdict).toEqual({ kind: 'kept_up', peaks: [{ table: 'raw_events', first: 12, last: 12 }] });
});

test('one part more at the end is merges that fell behind', () => {
  const verdict = judgeMerges(
    samples(90, (second) => (second === 88 ? 13 : 12)),
    run(90),
  );
  expect(verdict).toEqual({ kind: 'fell_behind', peaks: [{ table: 'raw_events', first: 12, last: 13 }] });
});

test('what was before the run and behind it does not count', () => {
  const looks = samples(100, (second) => (second < 5 || second > 95 ? 99 : 3));
  const verdict = judgeMerges(looks, { startedAt: 1_005_000, endedAt: 1_095_000 });
  expect(verdict.kind).toBe('kept_up');
});
