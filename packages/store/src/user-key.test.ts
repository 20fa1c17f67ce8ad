import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createUserKeyer, userKey } from './user-key.ts';

const SECRET = new Uint8Array(32).fill(3);

test('a key is the first 128 bits of an HMAC under a key of the org', () => {
  const orgKey = createHmac('sha256', SECRET).update('meterstone user key, org acme').digest();
  const digest = createHmac('sha256', orgKey).update('customer-7').digest();
  expect(Buffer.from(userKey(SECRET, 'acme', 'customer-7'))).toEqual(digest.subarray(0, 16));
});

test('an absent user and an empty one have the key of zeros', () => {
  const zeros = new Uint8Array(16);
  for (const user of [null, '']) {
    expect(userKey(SECRET, 'acme', user)).toEqual(zeros);
    expect(createUserKeyer(SECRET)('acme', user)).toEqual(zeros);
  }
});

test('the same user has other keys in another org and under another secret', () => {
  const keys = [
    userKey(SECRET, 'acme', 'ann'),
    userKey(SECRET, 'bolt', 'ann'),
    userKey(new Uint8Array(32), 'acme', 'ann'),
    userKey(SECRET, 'acme', 'bob'),
  ];
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(4);
});

test('a keyer remembers nothing that changes its answers', () => {
  const keyer = createUserKeyer(SECRET);
  fc.assert(
    fc.property(fc.constantFrom('acme', 'bolt'), fc.string({ maxLength: 3 }), (orgId, user) => {
      expect(keyer(orgId, user)).toEqual(userKey(SECRET, orgId, user));
    }),
  );
});
