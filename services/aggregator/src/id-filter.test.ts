import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { IdFilter } from './id-filter.ts';

/** Ids that differ in few bits, as ids by a counter do. */
function countedId(number: number): Uint8Array {
  const id = Buffer.alloc(16);
  id.writeUInt32BE(number, 12);
  return id;
}

describe('a filter of ids', () => {
  it.each([
    ['random', () => randomBytes(16)],
    ['counted', (n: number) => countedId(n)],
  ])('has every %s id that was added, and few others', (_, make) => {
    const filter = new IdFilter(5_000);
    const added = Array.from({ length: 5_000 }, (__, n) => make(n));
    for (const id of added) {
      filter.add(id);
    }
    expect(added.every((id) => filter.mayHave(id))).toBe(true);
    expect(filter.size).toBe(5_000);
    const others = Array.from({ length: 20_000 }, (__, n) => make(1_000_000 + n));
    expect(others.filter((id) => filter.mayHave(id)).length).toBeLessThan(100);
  });

  it('has nothing at first', () => {
    expect(new IdFilter(0).mayHave(countedId(0))).toBe(false);
  });
});
