import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FetchedRecord } from './fetched-record.ts';
import { RecordList } from './record-list.ts';

const bytes = fc.option(fc.uint8Array({ maxLength: 20 }).map(Buffer.from), { nil: null });

/** Records of rising offsets with gaps between them, in several runs, some of them empty. */
const runs = fc
  .tuple(
    fc.constantFrom(0, 7, 2 ** 40),
    fc.array(
      fc.array(
        fc.record({
          step: fc.integer({ min: 1, max: 300 }),
          timestampMs: fc.nat({ max: 2_000_000_000_000 }),
          key: bytes,
          value: bytes,
        }),
        { maxLength: 12 },
      ),
      { maxLength: 5 },
    ),
  )
  .map(([start, drafts]) => {
    let offset = start;
    return drafts.map((draft) =>
      draft.map(({ step, ...record }): FetchedRecord => {
        offset += step;
        return { offset, ...record };
      }),
    );
  });

const join = (each: readonly FetchedRecord[][]) => RecordList.join(each.map(RecordList.of));

/** What a record says, which it says by getters. */
function factsOf({ offset, timestampMs, key, value }: FetchedRecord): FetchedRecord {
  return { offset, timestampMs, key, value };
}

describe('a list of records', () => {
  it('holds the records that it was made of, one by one and at every index', () => {
    fc.assert(
      fc.property(runs, (each) => {
        const [list, records] = [join(each), each.flat()];
        expect(list).toHaveLength(records.length);
        expect(Array.from(list, factsOf)).toEqual(records);
        for (let index = -records.length - 2; index < records.length + 2; index++) {
          const record = list.at(index);
          expect(record === undefined ? undefined : factsOf(record)).toEqual(records.at(index));
          expect(list.offsetAt(index)).toBe(records.at(index)?.offset);
        }
      }),
    );
  });

  it('gives records that are still themselves when the next ones were asked for', () => {
    const list = RecordList.of([
      { offset: 4, timestampMs: 50, key: null, value: Buffer.from('a') },
      { offset: 9, timestampMs: 40, key: Buffer.from('k'), value: null },
    ]);
    const [first, second] = [...list, ...list];
    expect([first, second].map((record) => record && factsOf(record))).toEqual([
      { offset: 4, timestampMs: 50, key: null, value: Buffer.from('a') },
      { offset: 9, timestampMs: 40, key: Buffer.from('k'), value: null },
    ]);
  });

  it('is cut as an array is, and what is cut can be cut again', () => {
    const bound = fc.nat({ max: 70 });
    fc.assert(
      fc.property(runs, fc.array(fc.tuple(bound, bound), { maxLength: 3 }), (each, cuts) => {
        let [list, records] = [join(each), each.flat()];
        for (const [from, to] of cuts) {
          list = list.slice(from, to);
          records = records.slice(from, to);
          expect(Array.from(list, factsOf)).toEqual(records);
          expect(list.offsetAt(0)).toBe(records[0]?.offset);
        }
        expect(Array.from(list.slice(1), factsOf)).toEqual(records.slice(1));
      }),
    );
  });

  it('finds an offset, or the first one behind it, as looking at each does', () => {
    fc.assert(
      fc.property(runs, fc.nat({ max: 30 }), fc.nat({ max: 30 }), (each, from, width) => {
        const list = join(each).slice(from, from + width);
        const offsets = Array.from(list, ({ offset }) => offset);
        for (const offset of [0, 2 ** 50, ...offsets.flatMap((one) => [one - 1, one, one + 1])]) {
          const found = offsets.findIndex((one) => one >= offset);
          expect(list.indexFrom(offset)).toBe(found < 0 ? offsets.length : found);
        }
      }),
    );
  });

  it('copies what it is made of, and nothing when it is cut or joined', () => {
    const value = Buffer.from('value');
    const list = RecordList.of([{ offset: 1, timestampMs: 0, key: null, value }]);
    value.fill(0);
    const parts = [list, list.slice(0), RecordList.join([list])].map((part) => part.at(0)?.value);
    expect(parts.map(String)).toEqual(['value', 'value', 'value']);
    expect(new Set(parts.map((part) => part?.buffer)).size).toBe(1);
  });

  it('takes no offsets that do not rise', () => {
    const record = { offset: 5, timestampMs: 0, key: null, value: null };
    expect(() => RecordList.of([record, record])).toThrow(RangeError);
  });
});
