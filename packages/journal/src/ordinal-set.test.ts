import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OrdinalSet } from './ordinal-set.ts';

it('holds what a set of the same numbers holds, in disjoint ranges that do not touch', () => {
  const range = fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 12 }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), (ranges) => {
      const ordinals = new OrdinalSet();
      const oracle = new Set<number>();
      for (const [first, length] of ranges) {
        ordinals.add(first, first + length);
        for (let ordinal = first; ordinal < first + length; ordinal++) {
          oracle.add(ordinal);
        }
      }
      for (let ordinal = 0; ordinal < 80; ordinal++) {
        expect(ordinals.has(ordinal)).toBe(oracle.has(ordinal));
      }
      let after = -1;
      for (const { first, next } of ordinals.ranges) {
        expect(first).toBeGreaterThan(after);
        expect(next).toBeGreaterThan(first);
        after = next;
      }
    }),
  );
});
