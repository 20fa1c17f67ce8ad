import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNameReader } from './answer-names.ts';

const name = fc.constantFrom('date', 'Date', 'x-request-id', 'Content-Type', 'é', '');
const answer = fc.array(name, { maxLength: 4 });

function toRaw(names: readonly string[]): Buffer[] {
  return names.flatMap((text) => [Buffer.from(text, 'latin1'), Buffer.from('value')]);
}

describe('reading the names of answer headers', () => {
  it('reads each answer as if it were the first, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 40 }), (answers) => {
        const readNames = createNameReader();
        for (const names of answers) {
          expect(readNames(toRaw(names))).toEqual(names.map((text) => ({ text, lower: text.toLowerCase() })));
        }
      }),
    );
  });

  it('gives one and the same list for what it remembers, and no more than eight of them', () => {
    const readNames = createNameReader();
    const first = readNames(toRaw(['date']));
    expect(readNames(toRaw(['date']))).toBe(first);
    for (let other = 0; other < 8; other++) {
      readNames(toRaw([`x-${other}`]));
    }
    expect(readNames(toRaw(['date']))).not.toBe(first);
  });

  it('remembers no list of more than 64 names', () => {
    const readNames = createNameReader();
    const raw = toRaw(Array.from({ length: 65 }, (_, index) => `x-${index}`));
    expect(readNames(raw)).not.toBe(readNames(raw));
  });
});
