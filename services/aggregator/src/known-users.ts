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
  return {
    has: (user) => known.has(identityOf(user)),
    add(users) {
      for (const user of users) {
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
