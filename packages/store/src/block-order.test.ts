import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockOrder } from './block-order.ts';

interface Key {
  readonly orgId: string;
  readonly userKey: Uint8Array;
  readonly occurredAt: number;
}

const arbitraryKey: fc.Arbitrary<Key> = fc.record({
  // U+FF5E comes before U+1F600 in UTF-8 and after it in UTF-16.
  orgId: fc.constantFrom('b', 'a', 'ab', '', '\uff5e', '\u{1f600}'),
  userKey: fc.oneof(
    { weight: 3, arbitrary: fc.constant(new Uint8Array(16)) },
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.nat(255).map((last) => Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? last : 9))),
    fc.nat(255).map((middle) => Uint8Array.from({ length: 16 }, (_, i) => (i === 8 ? middle : 200))),
  ),
  occurredAt: fc.oneof(
    { weight: 3, arbitrary: fc.nat(1) },
    fc.integer({ min: -1_000_000, max: 4_000_000_000_000 }),
  ),
});

test('rows are ordered by the bytes of org and user key, then by time, then by arrival', () => {
  fc.assert(
    fc.property(fc.array(arbitraryKey, { maxLength: 40 }), (keys) => {
      const order = new BlockOrder();
      for (const { orgId, userKey, occurredAt } of keys)
        order.add({ org: order.orgNumber(orgId), occurredAt, bytes: userKey, userKeyAt: 0 });
      const expected = keys.map((key, row) => ({ ...key, row })).sort(compare);
      expect([...order.sorted()]).toEqual(expected.map(({ row }) => row));
    }),
  );
});

test('more rows than the first capacity are kept', () => {
  const order = new BlockOrder();
  const userKey = new Uint8Array(16);
  for (let row = 0; row < 5000; row += 1)
    order.add({ org: order.orgNumber('acme'), occurredAt: 5000 - row, bytes: userKey, userKeyAt: 0 });
  expect(order.sorted()[0]).toBe(4999);
  expect(new Set(order.sorted()).size).toBe(5000);
});

function compare(a: Key & { row: number }, b: Key & { row: number }): number {
  return (
    Buffer.compare(Buffer.from(a.orgId), Buffer.from(b.orgId)) ||
    Buffer.compare(a.userKey, b.userKey) ||
    a.occurredAt - b.occurredAt ||
    a.row - b.row
  );
}
