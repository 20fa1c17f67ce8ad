import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchSlices } from './batch-slices.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { FetchedRecord } from './fetched-record.ts';
import { RecordList } from './record-list.ts';

function record(offset: number): FetchedRecord {
  return { offset, timestampMs: 5, key: null, value: Buffer.alloc(0) };
}

function slices(start: number, offsets: readonly number[], lastOffset: number, recordsMax: number) {
  const fetch = {
    topic: 'topic',
    kafkaPartition: 7,
    position: 0,
    logEnd: 0,
    records: RecordList.of(offsets.map(record)),
    nextOffset: lastOffset + 1,
    bytes: 0,
    fault: null,
  };
  return [...batchSlices(fetch, { recordsMax, start })];
}

const offsetsOf = ({ records }: FetchedBatch) => Array.from(records, ({ offset }) => offset);

describe('batchSlices', () => {
  it('keeps a short batch whole, from the end of the last one to behind the control records at its end', () => {
    const ranges = slices(2, [4, 5, 6], 8, 100);
    expect(ranges).toMatchObject([{ topic: 'topic', kafkaPartition: 7, firstOffset: 2, nextOffset: 9 }]);
    expect(ranges.flatMap(offsetsOf)).toEqual([4, 5, 6]);
  });

  it('makes ranges that follow each other without a gap between them, whatever gaps the offsets have', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 70 }), fc.nat({ max: 3 }), (steps, recordsMax, behind) => {
        let offset = 0;
        const offsets = steps.map((step) => {
          offset += step;
          return offset;
        });
        const ranges = slices(0, offsets, offset + behind, recordsMax);
        expect(ranges[0]?.firstOffset).toBe(0);
        expect(ranges.flatMap(offsetsOf)).toEqual(offsets);
        expect(ranges.at(-1)?.nextOffset).toBe(offset + behind + 1);
        for (const [index, { records, firstOffset, nextOffset }] of ranges.entries()) {
          expect(records.length).toBeLessThanOrEqual(recordsMax);
          expect(records.offsetAt(0)).toBeGreaterThanOrEqual(firstOffset);
          expect(records.offsetAt(-1)).toBeLessThan(nextOffset);
          const following = ranges[index + 1];
          expect(following?.firstOffset ?? nextOffset).toBe(nextOffset);
        }
      }),
    );
  });
});
