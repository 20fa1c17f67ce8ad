import type { RatingTerms } from '@meterstone/metering';
import { type Slice, SliceTable, type UserKeyer, type UserName } from '@meterstone/store';
import type { PlanHolder } from './org-chargings.ts';
import type { WalkedEvent } from './walked-event.ts';

/**
 * Remembers users by the bytes of their names. A block of 100,000 rows has tens of thousands of them: what every row
 * needs of one stands together, and the rest is looked at once a batch.
 */
export class UserMemory {
  /** For each its number plus 1, the batch in which it last appeared, its plan's place in `#plans` plus 1, its key. */
  readonly #table = new SliceTable(KEY + KEY_WORDS);
  /** By number; `null` = there is no user. */
  readonly #names: (UserName | null)[] = [];
  readonly #plans: PlanHolder[] = [];
  readonly #terms: RatingTerms;
  readonly #userKeyOf: UserKeyer;

  constructor(terms: RatingTerms, userKeyOf: UserKeyer) {
    this.#terms = terms;
    this.#userKeyOf = userKeyOf;
  }

  get size(): number {
    return this.#names.length;
  }

  /**
   * The place of a user whose name is the slice, salted with their org; `walked` tells who they are. −1 = they are new,
   * and not all of its texts are texts.
   */
  placeOf(slice: Slice, walked: WalkedEvent): number {
    const place = this.#table.placeOf(slice);
    if (this.#table.words[place] === 0) {
      if (!walked.isOfTexts) {
        return -1;
      }
      this.#keep(place, walked.event);
    }
    return place;
  }

  /** Writes the 16 bytes of a user's key at `at`. */
  writeKey(place: number, out: DataView, at: number): void {
    const { words } = this.#table;
    out.setInt32(at, words[place + KEY] ?? 0);
    out.setInt32(at + 4, words[place + KEY + 1] ?? 0);
    out.setInt32(at + 8, words[place + KEY + 2] ?? 0);
    out.setInt32(at + 12, words[place + KEY + 3] ?? 0);
  }

  /** A user who has a plan of their own; `undefined` = they have none. */
  planHolder(place: number): PlanHolder | undefined {
    const plan = this.#table.words[place + PLAN] ?? 0;
    return plan > 0 ? this.#plans[plan - 1] : undefined;
  }

  /** The user, when they first appear in a batch (numbered from 1); `null` at any further time, and if there is none. */
  appear(place: number, batch: number): UserName | null {
    const { words } = this.#table;
    if (words[place + LAST_BATCH] === batch) {
      return null;
    }
    words[place + LAST_BATCH] = batch;
    return this.#names[(words[place] ?? 0) - 1] ?? null;
  }

  #keep(place: number, { orgId, user }: { readonly orgId: string; readonly user: string | null }): void {
    const { words } = this.#table;
    const userKey = this.#userKeyOf(orgId, user);
    this.#names.push(user === null || user === '' ? null : { orgId, userKey, user });
    words[place] = this.#names.length;
    const plan = user === null ? undefined : this.#terms.orgs.get(orgId)?.userPlans.get(user);
    if (plan !== undefined) {
      this.#plans.push({ plan, charging: null });
      words[place + PLAN] = this.#plans.length;
    }
    const key = new DataView(userKey.buffer, userKey.byteOffset, userKey.length);
    for (let word = 0; word < KEY_WORDS; word++) {
      words[place + KEY + word] = key.getInt32(word * WORD_BYTES);
    }
  }
}

const LAST_BATCH = 1;
const PLAN = 2;
const KEY = 3;
const KEY_WORDS = 4;
const WORD_BYTES = 4;
