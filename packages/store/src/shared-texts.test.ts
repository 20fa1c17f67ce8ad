import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedTexts } from './shared-texts.ts';

const some = fc.option(fc.string({ unit: 'grapheme', maxLength: 200 }), { nil: null });

test('texts are kept once, and each number gives its own back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(some, some), { maxLength: 600 }), (all) => {
      const shared = new SharedTexts(2);
      const numbers = all.map((texts) => shared.numberOf(texts));
      const different = new Set(all.map(([a, b]) => JSON.stringify([a ?? '', b ?? ''])));
      expect(shared.size).toBe(different.size);
      expect(numbers.map((number) => [textOf(shared, number, 0), textOf(shared, number, 1)])).toEqual(
        all.map(([a, b]) => [a ?? '', b ?? '']),
      );
    }),
    { numRuns: 60 },
  );
});

test('texts that are the same one behind the other are told apart by where they end', () => {
  const shared = new SharedTexts(2);
  expect(shared.numberOf(['ab', 'c'])).toBe(0);
  expect(shared.numberOf(['a', 'bc'])).toBe(1);
  expect(shared.numberOf(['ab', 'c'])).toBe(0);
});

/** Read from RowBinary: a length of one or two bytes, and the text. */
function textOf({ view, starts, fields }: SharedTexts, number: number, field: number): string {
  const entry = number * fields + field;
  const [start = 0, end = 0] = [starts[entry], starts[entry + 1]];
  const bytes = Buffer.from(view.buffer, start, end - start);
  return bytes.subarray((bytes[0] ?? 0) > 0x7f ? 2 : 1).toString();
}
