import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SliceTable } from './slice-table.ts';

function sliceOf(text: string, { salt = 0, padding = 0 } = {}) {
  const bytes = new Uint8Array(Buffer.from(`${'-'.repeat(padding)}${text}--`));
  return { view: new DataView(bytes.buffer), start: padding, end: bytes.length - 2, salt };
}

/** The word of a slice, which becomes `value` where it is 0. */
function wordOf(table: SliceTable, slice: ReturnType<typeof sliceOf>, value: number): number {
  const place = table.placeOf(slice);
  table.words[place] ||= value;
  return table.words[place] ?? 0;
}

it('has words for each slice, wherever it stands', () => {
  const slice = fc.record({ text: fc.string({ maxLength: 9 }), salt: fc.nat(2), padding: fc.nat(5) });
  fc.assert(
    fc.property(
      fc.array(slice, { maxLength: 400, size: 'max' }),
      fc.integer({ min: 1, max: 3 }),
      (slices, words) => {
        const table = new SliceTable(words);
        const plain = new Map<string, number>();
        for (const { text, ...place } of slices) {
          const known = `${place.salt}/${text}`;
          const expected = plain.get(known) ?? plain.size + 1;
          plain.set(known, expected);
          expect(wordOf(table, sliceOf(text, place), plain.size)).toBe(expected);
          expect(table.size).toBe(plain.size);
        }
      },
    ),
    { numRuns: 40 },
  );
});

it('keeps them as it grows, and no hold on the bytes that it was shown', () => {
  const table = new SliceTable(2);
  for (let name = 0; name < 5_000; name += 1) {
    const slice = sliceOf(`customer-${name}`);
    wordOf(table, slice, name + 1);
    new Uint8Array(slice.view.buffer).fill(0);
  }
  for (const name of [0, 1, 127, 128, 4_999]) {
    expect(wordOf(table, sliceOf(`customer-${name}`), 0)).toBe(name + 1);
  }
});

it('tells slices apart that differ only behind their whole words', () => {
  const table = new SliceTable(1);
  const texts = ['', '\0', '\0\0', 'abcd', 'abcde', 'abcdf', 'abcdefg'];
  expect(texts.map((text, index) => wordOf(table, sliceOf(text), index + 1))).toEqual([1, 2, 3, 4, 5, 6, 7]);
});
