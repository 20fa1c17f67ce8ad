import { RecordList } from '@meterstone/kafka';
import { describe, expect, it } from 'vitest';
import { WINDOW_OFFSETS_MAX } from './deduplicate.ts';
import { exampleEvent, exampleRecord, exampleRecords } from './example.ts';
import { IdentityKey } from './identity-key.ts';
import { edgeOf, emptyWindow, extendWindow, fillWindow, type PartitionWindow } from './partition-window.ts';

/** A log whose event number is its offset, with gaps, and what was read of it. */
function logOf(kept: (offset: number) => boolean = (offset) => offset < 100 || offset % 1_000 === 999) {
  const reads: (readonly [number, number])[] = [];
  const readRecords = async (_kafkaPartition: number, from: number, to: number): Promise<RecordList> => {
    reads.push([from, to]);
    const offsets = Array.from({ length: to - from }, (_, index) => from + index).filter(kept);
    return RecordList.of(offsets.map((offset) => exampleRecord(offset, exampleEvent(offset))));
  };
  return { reads, readRecords };
}

function holds({ window }: PartitionWindow, name: number): boolean {
  const key = new IdentityKey();
  key.read(exampleEvent(name).eventId, 0, 0);
  return window.find(key, 0) !== 'absent';
}

describe('the window of a Kafka partition', () => {
  it('is read from the records before the first range, in bounded pieces', async () => {
    const partition = emptyWindow(0);
    const { reads, readRecords } = logOf();
    await fillWindow(partition, 45_000, readRecords);
    expect(reads).toEqual([
      [0, 20_000],
      [20_000, 40_000],
      [40_000, 45_000],
    ]);
    expect([holds(partition, 0), holds(partition, 44_999), holds(partition, 45_000)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('reads nothing for a range that follows the one before', async () => {
    const partition = emptyWindow(0);
    const { reads, readRecords } = logOf();
    await fillWindow(partition, 10, readRecords);
    const range = emptyWindow(0);
    await fillWindow(range, 15, logOf((offset) => offset >= 10).readRecords);
    extendWindow(partition, range.window, { nextOffset: 15, records: RecordList.of([]) });
    await fillWindow(partition, 15, readRecords);
    expect(reads).toEqual([[0, 10]]);
    expect(holds(partition, 14)).toBe(true);
  });

  it('reads what another aggregator stored in between', async () => {
    const partition = emptyWindow(0);
    const { reads, readRecords } = logOf();
    await fillWindow(partition, 10, readRecords);
    await fillWindow(partition, 30, readRecords);
    expect(reads).toEqual([
      [0, 10],
      [10, 30],
    ]);
    expect(holds(partition, 29)).toBe(true);
  });

  it('reaches back by its length and no further', async () => {
    const first = WINDOW_OFFSETS_MAX + 500;
    const partition = emptyWindow(0);
    const { reads, readRecords } = logOf((offset) => offset < 600 && offset > 400);
    await fillWindow(partition, first, readRecords);
    expect(reads[0]).toEqual([500, 20_500]);
    expect([holds(partition, 499), holds(partition, 500)]).toEqual([false, true]);
    await fillWindow(partition, first + 1, readRecords);
    expect([holds(partition, 500), holds(partition, 501)]).toEqual([false, true]);
  });

  it('goes on where reading failed', async () => {
    const partition = emptyWindow(0);
    const { reads, readRecords } = logOf();
    let isBroken = true;
    const flaky = async (kafkaPartition: number, from: number, to: number) => {
      if (from > 0 && isBroken) {
        throw new Error('broken');
      }
      return readRecords(kafkaPartition, from, to);
    };
    await expect(fillWindow(partition, 30_000, flaky)).rejects.toThrow('broken');
    isBroken = false;
    await fillWindow(partition, 30_000, flaky);
    expect(reads).toEqual([
      [0, 20_000],
      [20_000, 30_000],
    ]);
  });

  it('leaves out what never became an event', async () => {
    const partition = emptyWindow(0);
    const readRecords = async () => exampleRecords([Buffer.from('noise'), exampleEvent(1)]);
    await fillWindow(partition, 2, readRecords);
    expect(partition.window.size).toBe(1);
  });

  it('says whether it reaches back to the first record, and when what lies below it was appended', async () => {
    const whole = emptyWindow(0);
    expect(edgeOf(whole)).toEqual({ isWhole: false, timestampMs: null });
    await fillWindow(whole, 0, logOf().readRecords);
    expect(edgeOf(whole)).toMatchObject({ isWhole: true });
    await fillWindow(whole, 50, logOf().readRecords);
    expect(edgeOf(whole)).toEqual({ isWhole: true, timestampMs: exampleRecord(0, null).timestampMs });

    const cut = emptyWindow(0);
    await fillWindow(cut, 50, logOf((offset) => offset >= 20).readRecords);
    expect(edgeOf(cut)).toEqual({ isWhole: false, timestampMs: exampleRecord(20, null).timestampMs });
    const gone = emptyWindow(0);
    await fillWindow(gone, 50, logOf(() => false).readRecords);
    expect(edgeOf(gone)).toEqual({ isWhole: false, timestampMs: null });
  });

  it('moves its edge as it forgets', async () => {
    const partition = emptyWindow(0);
    const { readRecords } = logOf((offset) => offset % 500 === 0);
    await fillWindow(partition, WINDOW_OFFSETS_MAX, readRecords);
    expect(edgeOf(partition).isWhole).toBe(true);
    await fillWindow(partition, WINDOW_OFFSETS_MAX + 20_500, readRecords);
    const { isWhole, timestampMs } = edgeOf(partition);
    expect(isWhole).toBe(false);
    // Not before the first record that is left, and not long after it.
    const first = exampleRecord(20_500, null).timestampMs;
    expect(timestampMs).toBeGreaterThanOrEqual(first);
    expect(timestampMs).toBeLessThanOrEqual(first + 20_000);
  });
});
