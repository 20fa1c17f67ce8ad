import { expect, it } from 'vitest';
import { createKnownUsers } from './known-users.ts';

const user = (orgId: string, byte: number) => ({ orgId, userKey: Buffer.alloc(16, byte), user: 'anyone' });

it('knows a user of an org once it was stored, and no other', () => {
  const known = createKnownUsers();
  known.add([user('acme', 1)]);
  expect(known.has(user('acme', 1))).toBe(true);
  expect(known.has(user('acme', 2))).toBe(false);
  expect(known.has(user('other', 1))).toBe(false);
});

it('knows a user whom it was given by the object itself', () => {
  const known = createKnownUsers();
  const one = user('acme', 1);
  expect(known.has(one)).toBe(false);
  known.add([one]);
  expect([known.has(one), known.has({ ...one }), known.has({ ...one })]).toEqual([true, true, true]);
});

it('starts afresh at its bound', () => {
  const known = createKnownUsers(2);
  known.add([user('acme', 1), user('acme', 2), user('acme', 3)]);
  expect([1, 2, 3].map((byte) => known.has(user('acme', byte)))).toEqual([false, false, true]);
});
