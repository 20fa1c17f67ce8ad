import { createHmac } from 'node:crypto';

/** Bytes of a user key: an HMAC-SHA256 cut to 128 bits. */
const USER_KEY_BYTES = 16;
/** Users remembered by one keyer, over all orgs; at the bound the memory starts afresh. */
const USERS_REMEMBERED_MAX = 100_000;
/** Keeps the derivation of an org's key apart from any other use of the same secret. */
const ORG_KEY_CONTEXT = 'meterstone user key, org ';

/** Gives the key under which a user is stored. */
export type UserKeyer = (orgId: string, user: string | null) => Uint8Array;

/**
 * The key under which an org's user is stored: HMAC-SHA256 of the name under a key derived from the secret for
 * that org, first 128 bits. An absent user (`null` or empty) has the key of 16 zero bytes. The same name in two
 * orgs has unrelated keys, and without the secret a key tells nothing about the name.
 */
export function userKey(secret: Uint8Array, orgId: string, user: string | null): Uint8Array {
  return isAbsent(user) ? new Uint8Array(USER_KEY_BYTES) : hashUser(deriveOrgKey(secret, orgId), user);
}

/**
 * `userKey` with a memory: derives an org's key once and hashes a user once, up to a bound. The arrays given
 * out are shared between calls and must not be written to.
 */
export function createUserKeyer(secret: Uint8Array): UserKeyer {
  const orgs = new Map<string, { key: Uint8Array; users: Map<string, Uint8Array> }>();
  const absent = new Uint8Array(USER_KEY_BYTES);
  let remembered = 0;
  return (orgId, user) => {
    if (isAbsent(user)) return absent;
    let org = orgs.get(orgId);
    if (org === undefined) {
      org = { key: deriveOrgKey(secret, orgId), users: new Map() };
      orgs.set(orgId, org);
    }
    const known = org.users.get(user);
    if (known !== undefined) return known;
    const hashed = hashUser(org.key, user);
    if (remembered >= USERS_REMEMBERED_MAX) {
      orgs.clear();
      remembered = 0;
      orgs.set(orgId, { key: org.key, users: new Map([[user, hashed]]) });
    } else {
      org.users.set(user, hashed);
    }
    remembered += 1;
    return hashed;
  };
}

function isAbsent(user: string | null): user is null | '' {
  return user === null || user === '';
}

function deriveOrgKey(secret: Uint8Array, orgId: string): Uint8Array {
  return createHmac('sha256', secret).update(ORG_KEY_CONTEXT).update(orgId).digest();
}

function hashUser(orgKey: Uint8Array, user: string): Uint8Array {
  // A copy, because a view would keep the whole digest (and, pooled, its slab) alive for every user remembered.
  return new Uint8Array(createHmac('sha256', orgKey).update(user).digest().subarray(0, USER_KEY_BYTES));
}
