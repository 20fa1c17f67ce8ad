import type { UserName } from '@meterstone/store';

/** The users that this process has stored, so that each is sent about once. Forgetting one costs a row, no more. */
export interface KnownUsers {
  has(user: UserName): boolean;
  add(users: readonly UserName[]): void;
}

/** About 15 MB. At the bound the memory starts afresh. */
const USERS_KNOWN_MAX = 100_000;

/** A bounded memory of stored users. */
export function createKnownUsers(usersMax = USERS_KNOWN_MAX): KnownUsers {
  const known = new Set<string>();
  /** The same in the form in which they come again and again: to look at the object costs a tenth of making a text. */
  const same = new WeakSet<UserName>();
  return {
    has(user) {
      if (same.has(user)) {
        return true;
      }
      const isKnown = known.has(identityOf(user));
      if (isKnown) {
        same.add(user);
      }
      return isKnown;
    },
    add(users) {
      for (const user of users) {
        same.add(user);
        if (known.size >= usersMax) {
          known.clear();
        }
        known.add(identityOf(user));
      }
    },
  };
}

function identityOf({ orgId, userKey }: UserName): string {
  return `${orgId}\u0000${Buffer.from(userKey.buffer, userKey.byteOffset, userKey.length).toString('latin1')}`;
}
