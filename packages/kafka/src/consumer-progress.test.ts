import { describe, expect, it } from 'vitest';
import { ProgressBook } from './consumer-progress.ts';
import type { PartitionFetch } from './partition-fetch.ts';
import { RecordList } from './record-list.ts';

function fetched(kafkaPartition: number, position: number, logEnd: number): PartitionFetch {
  const nothing = { records: RecordList.of([]), nextOffset: position, bytes: 0, fault: null };
  return { topic: 'topic', kafkaPartition, position, logEnd, ...nothing };
}

const busy = () => false;
const idle = () => true;

function open() {
  const clock = { nowMs: 1_000 };
  return { clock, book: new ProgressBook(() => clock.nowMs) };
}

describe('ProgressBook', () => {
  it('knows no position before the first fetch', () => {
    const { book } = open();
    expect(book.read()).toEqual({ state: 'joining', fetchedAtMs: null, kafkaPartitions: [] });
    book.assign([3]);
    expect(book.read()).toEqual({
      state: 'running',
      fetchedAtMs: null,
      kafkaPartitions: [{ kafkaPartition: 3, nextOffset: null, lag: null, movedAtMs: 1_000, stopped: null }],
    });
  });

  it('takes the lag from the fetch and lets it fall as ranges are handled', () => {
    const { book, clock } = open();
    book.assign([0]);
    clock.nowMs = 2_000;
    book.fetched([fetched(0, 10, 100)], busy);
    expect(book.read().kafkaPartitions[0]).toMatchObject({ nextOffset: 10, lag: 90, movedAtMs: 1_000 });
    clock.nowMs = 3_000;
    book.moved(0, 60);
    expect(book.read()).toMatchObject({
      fetchedAtMs: 2_000,
      kafkaPartitions: [{ nextOffset: 60, lag: 40, movedAtMs: 3_000 }],
    });
  });

  it('counts an idle Kafka partition as moving, and one with a lag that is fetched again and again as not', () => {
    const { book, clock } = open();
    book.assign([0, 1]);
    clock.nowMs = 9_000;
    book.fetched([fetched(0, 5, 5), fetched(1, 5, 6)], busy);
    expect(book.read().kafkaPartitions.map(({ movedAtMs }) => movedAtMs)).toEqual([9_000, 1_000]);
  });

  it('takes the position of a fetch for its own only where nothing that was fetched before waits', () => {
    const { book } = open();
    book.assign([0, 1]);
    book.fetched([fetched(0, 5, 20), fetched(1, 5, 20)], busy);
    book.fetched([fetched(0, 20, 20)], idle);
    book.fetched([fetched(1, 20, 20)], busy);
    expect(book.read().kafkaPartitions).toMatchObject([
      { nextOffset: 20, lag: 0 },
      { nextOffset: 5, lag: 15 },
    ]);
  });

  it('no longer calls a Kafka partition stopped that is assigned anew', () => {
    const { book } = open();
    book.assign([0]);
    book.stop(0, 'its position is not in the log');
    book.assign([0]);
    expect(book.read().kafkaPartitions[0]).toMatchObject({ stopped: null });
  });

  it('keeps what stays assigned, forgets what goes, and ignores what is not its own', () => {
    const { book } = open();
    book.assign([0, 1]);
    book.fetched([fetched(0, 7, 9)], busy);
    book.stop(1, 'its position is not in the log');
    book.assign([0, 2]);
    book.fetched([fetched(1, 1, 2)], busy);
    book.moved(1, 2);
    book.stop(1, 'its position is not in the log');
    expect(
      book.read().kafkaPartitions.map(({ kafkaPartition, lag, stopped }) => [kafkaPartition, lag, stopped]),
    ).toEqual([
      [0, 2, null],
      [2, null, null],
    ]);
  });
});
