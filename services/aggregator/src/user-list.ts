import type { UserName } from '@meterstone/store';

/** The users of a block, each once, in order of appearance. */
export class UserList {
  readonly #users: UserName[] = [];
  /** Of all users, once they have to be told apart; until then each that came was new. */
  #identities: Set<string> | null = null;

  get all(): readonly UserName[] {
    return this.#users;
  }

  /** Adds a user who was not added by this way before. */
  addNew(user: UserName): void {
    if (this.#identities === null) {
      this.#users.push(user);
    } else {
      this.add(user);
    }
  }

  /** Adds a user who may be there. */
  add(user: UserName): void {
    this.#identities ??= new Set(this.#users.map(identityOf));
    const identity = identityOf(user);
    if (!this.#identities.has(identity)) {
      this.#identities.add(identity);
      this.#users.push(user);
    }
  }
}

function identityOf({ orgId, user }: UserName): string {
  return `${orgId}\u0000${user}`;
}
