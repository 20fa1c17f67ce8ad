import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTilingCheck, type TiledRange } from './tiling.ts';

const range = (firstOffset: number, nextOffset: number, facts: Partial<TiledRange> = {}): TiledRange => ({
  firstOffset,
  nextOffset,
  records: nextOffset - firstOffset,
  stored: nextOffset - firstOffset,
  duplicates: 0,
  deadLetters: 0,
  ...facts,
});

describe('checking that ranges tile a Kafka partition', () => {
  it('finds nothing wrong with ranges of any length that follow each other, however they come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1 }),
        fc.nat(),
        (lengths, start) => {
          const check = createTilingCheck();
          let position = start;
          for (const length of lengths) {
            expect(check.add([range(position, position + length)])).toEqual([]);
            position += length;
          }
          expect(check.position).toBe(position);
          expect(check.stored).toBe(position - start);
        },
      ),
    );
  });

  it.each([
    ['a gap', [range(0, 10), range(12, 20)], [{ kind: 'gap', from: 10, to: 12 }]],
    ['an overlap', [range(0, 10), range(8, 20)], [{ kind: 'overlap', from: 8, to: 10 }]],
    ['a range in another', [range(0, 10), range(2, 5)], [{ kind: 'overlap', from: 2, to: 5 }]],
    ['a range without offsets', [range(0, 0)], [{ kind: 'empty', from: 0, to: 0 }]],
    [
      'parts that are not the records',
      [range(0, 10, { duplicates: 1 })],
      [{ kind: 'miscounted', from: 0, to: 10 }],
    ],
    [
      'more records than offsets',
      [range(0, 10, { records: 11, stored: 11 })],
      [{ kind: 'miscounted', from: 0, to: 10 }],
    ],
  ])('finds %s', (_name, ranges, faults) => {
    expect(createTilingCheck().add(ranges)).toEqual(faults);
  });

  it('finds a gap between two stretches', () => {
    const check = createTilingCheck();
    check.add([range(0, 10)]);
    expect(check.add([range(11, 20)])).toEqual([{ kind: 'gap', from: 10, to: 11 }]);
  });

  it('goes on where an earlier check ended', () => {
    const check = createTilingCheck({ position: 10, stored: 7 });
    expect(check.add([range(10, 12), range(13, 20)])).toEqual([{ kind: 'gap', from: 12, to: 13 }]);
    expect(check).toMatchObject({ position: 20, stored: 7 + 9 });
  });

  it('takes offsets without records, and a ledger that begins late', () => {
    const check = createTilingCheck();
    expect(check.position).toBe(null);
    expect(check.add([range(500, 600, { records: 3, stored: 1, duplicates: 1, deadLetters: 1 })])).toEqual(
      [],
    );
  });
});
