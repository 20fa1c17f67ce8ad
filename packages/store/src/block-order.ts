const FIRST_CAPACITY_ROWS = 1024;
const USER_KEY_BYTES = 16;
const WORD_BYTES = 4;
/** Words of a row's key: the org, the user key, and the time in two halves. */
const KEY_WORDS = 1 + USER_KEY_BYTES / WORD_BYTES + 2;
const WORD = 4_294_967_296;
/** Added to the upper half of a time, so that times before 1970 come first. */
const TIME_OFFSET = 2_147_483_648;

/**
 * The sorting keys of a block's rows, kept apart from the rows: (org_id, user_key, occurred_at), rows equal in all
 * three in order of arrival. A key is kept as a few words, since comparing texts and bytes costs more than the rest.
 */
export class BlockOrder {
  rowCount = 0;
  readonly #orgNumbers = new Map<string, number>();
  #keys = new Uint32Array(FIRST_CAPACITY_ROWS * KEY_WORDS);

  /** Takes the key of the next row. */
  add(orgId: string, userKey: Uint8Array, occurredAt: number): void {
    let word = this.rowCount * KEY_WORDS;
    if (word === this.#keys.length) this.#grow();
    const keys = this.#keys;
    keys[word] = this.#orgNumber(orgId);
    for (let byte = 0; byte < USER_KEY_BYTES; byte += WORD_BYTES) {
      word += 1;
      keys[word] = readWord(userKey, byte);
    }
    keys[word + 1] = Math.floor(occurredAt / WORD) + TIME_OFFSET;
    // A typed array keeps the lower 32 bits of any safe integer.
    keys[word + 2] = occurredAt;
    this.rowCount += 1;
  }

  /** Numbers of the rows, first row 0, in the order of the key. */
  sorted(): Uint32Array {
    const ranks = this.#orgRanks();
    const keys = this.#keys;
    const rows = new Uint32Array(this.rowCount);
    for (let row = 0; row < rows.length; row += 1) rows[row] = row;
    return rows.sort((a, b) => {
      const orgOfA = keys[a * KEY_WORDS] ?? 0;
      const orgOfB = keys[b * KEY_WORDS] ?? 0;
      if (orgOfA !== orgOfB) return (ranks[orgOfA] ?? 0) - (ranks[orgOfB] ?? 0);
      for (let word = 1; word < KEY_WORDS; word += 1) {
        const difference = (keys[a * KEY_WORDS + word] ?? 0) - (keys[b * KEY_WORDS + word] ?? 0);
        if (difference !== 0) return difference;
      }
      return a - b;
    });
  }

  #orgNumber(orgId: string): number {
    const known = this.#orgNumbers.get(orgId);
    if (known !== undefined) return known;
    const number = this.#orgNumbers.size;
    this.#orgNumbers.set(orgId, number);
    return number;
  }

  /** Rank of each org by its UTF-8 bytes, which is ClickHouse's order of texts and not always JavaScript's. */
  #orgRanks(): Uint32Array {
    const byName = [...this.#orgNumbers].map(([orgId, number]) => ({ bytes: Buffer.from(orgId), number }));
    byName.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    const ranks = new Uint32Array(byName.length);
    for (const [rank, { number }] of byName.entries()) ranks[number] = rank;
    return ranks;
  }

  #grow(): void {
    const grown = new Uint32Array(this.#keys.length * 2);
    grown.set(this.#keys);
    this.#keys = grown;
  }
}

/** Four bytes, the first of them first in order; a typed array reads the sign bit as the top bit. */
function readWord(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}
