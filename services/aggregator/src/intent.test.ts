import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIntent, parseIntent } from './intent.ts';

const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const arbitraryIntent = fc.record({
  stream: fc.nat(),
  firstOffset: offset,
  nextOffset: offset,
  token: fc.string({ maxLength: 80 }),
  epoch: fc.string({ maxLength: 64 }),
  rowLayout: fc.nat(),
  rows: fc.nat({ max: 1_000_000 }),
  checksum: fc.string({ maxLength: 24 }),
});

describe('an intent', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(arbitraryIntent, (intent) => {
        expect(parseIntent(formatIntent(intent))).toEqual(intent);
      }),
    );
  });

  it('is not made of anything else, and reading never throws', () => {
    const notes = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(notes, (note) => {
        expect(parseIntent(note)).toBeNull();
      }),
    );
  });

  it.each(['format', 'stream', 'first', 'next', 'token', 'epoch', 'layout', 'rows', 'checksum'])(
    'is not read without its %s, or with another kind of it',
    (name) => {
      const [intent] = fc.sample(arbitraryIntent, { numRuns: 1, seed: 1 });
      const facts: Record<string, unknown> = JSON.parse(formatIntent(intent ?? expect.fail()));
      expect(parseIntent(JSON.stringify({ ...facts, [name]: undefined }))).toBeNull();
      expect(parseIntent(JSON.stringify({ ...facts, [name]: [1] }))).toBeNull();
    },
  );
});
