import { describe, expect, it } from 'vitest';
import { formatIntent } from './intent.ts';
import { decideStart, type PartitionStanding } from './start-decision.ts';

const standing = (facts: Partial<PartitionStanding>): PartitionStanding => ({
  stream: 2,
  committed: null,
  ledger: null,
  log: { start: 0, end: 100 },
  ...facts,
});
const at = (nextOffset: number, metadata: string | null = null) => ({ nextOffset, metadata });
const intent = (firstOffset: number, nextOffset: number, stream = 2) => ({
  stream,
  firstOffset,
  nextOffset,
  token: 'token',
  epoch: 'epoch',
  rowLayout: 1,
  rows: 3,
  checksum: 'checksum',
});
const noted = (firstOffset: number, nextOffset: number, stream = 2) =>
  at(firstOffset, formatIntent(intent(firstOffset, nextOffset, stream)));
const start = (position: number) => ({ kind: 'start', position, intent: null });
const stop = (pattern: RegExp) => ({ kind: 'stop', cause: expect.stringMatching(pattern) });

describe('where a Kafka partition goes on', () => {
  it.each([
    ['at the beginning, if nothing is known of it', {}, start(0)],
    ['at the beginning, though nothing was ever in it', { log: { start: 0, end: 0 } }, start(0)],
    ['where ledger and Kafka agree', { ledger: 40, committed: at(40) }, start(40)],
    ['at the ledger, if the commit is missing', { ledger: 40, committed: at(30) }, start(40)],
    ['at the ledger, if the position has expired', { ledger: 40 }, start(40)],
    ['at the end of the log', { ledger: 100, committed: at(100) }, start(100)],
    ['at the ledger, if the intent was carried out', { ledger: 40, committed: noted(30, 40) }, start(40)],
  ])('%s', (_, facts, decision) => {
    expect(decideStart(standing(facts))).toEqual(decision);
  });

  it('with the intent, if one begins at the ledger', () => {
    expect(decideStart(standing({ ledger: 40, committed: noted(40, 60) }))).toEqual({
      kind: 'start',
      position: 40,
      intent: intent(40, 60),
    });
    expect(decideStart(standing({ committed: noted(0, 5) }))).toMatchObject({ intent: { nextOffset: 5 } });
  });

  it.each([
    ['Kafka is ahead of the ledger', { ledger: 40, committed: at(41) }, /41 is ahead of the ledger's 40/],
    ['Kafka has a position and the ledger none', { committed: at(1) }, /1 is ahead of the ledger's 0/],
    ['the log ends behind the ledger', { ledger: 101 }, /the log ends at 100, behind the ledger's 101/],
    [
      'the log starts beyond the ledger',
      { ledger: 40, log: { start: 50, end: 100 } },
      /starts at 50, beyond the ledger's 40/,
    ],
    [
      'the log starts beyond what was never read',
      { log: { start: 1, end: 100 } },
      /starts at 1, beyond the ledger's 0/,
    ],
    ['the Kafka partition is gone', { log: null }, /no longer has this Kafka partition/],
    ['the note is not an intent', { ledger: 40, committed: at(40, 'hello') }, /not an intent/],
    [
      'the intent is of another stream',
      { ledger: 40, committed: noted(40, 60, 1) },
      /of stream 1 stands beside/,
    ],
    [
      'the ledger ends inside the intent',
      { ledger: 40, committed: noted(30, 60) },
      /offsets 30 to 60 .* the ledger's 40/,
    ],
  ])('nowhere by itself, if %s', (_, facts, pattern) => {
    expect(decideStart(standing(facts))).toEqual(stop(pattern));
  });
});
