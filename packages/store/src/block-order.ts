const FIRST_CAPACITY_ROWS = 1024;
const USER_KEY_BYTES = 16;
const WORD_BYTES = 4;
/** Words of a row's key: the org, the user key, and the time in two halves. */
const KEY_WORDS = 1 + USER_KEY_BYTES / WORD_BYTES + 2;
const WORD = 4_294_967_296;
const WORD_BITS = 32;
/** Added to the upper half of a time, so that times before 1970 come first. */
const TIME_OFFSET = 2_147_483_648;
/** Bits of a row's number in its sort word: a block has at most a million rows. */
const ROW_BITS = 20;
const ROWS_MAX = 2 ** ROW_BITS;
/** What is left of a safe integer: the org and the first bits of the user key. */
const PREFIX_BITS = 53 - ROW_BITS;

/** The sorting key of a row. */
export interface OrderKey {
  /** From {@link BlockOrder.orgNumber}. */
  readonly org: number;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  /** The 16 bytes of the user key stand in here from `userKeyAt` on. */
  readonly bytes: Uint8Array;
  readonly userKeyAt: number;
}

/**
 * The sorting keys of a block's rows, kept apart from the rows: (org_id, user_key, occurred_at), rows equal in all
 * three in order of arrival. Holds up to 2^20 rows.
 *
 * Sorting goes in two steps, because calling a comparison for every pair costs ten times as much as sorting plain
 * numbers: first by a number made of the org, the user key's first bits and the row, then, among the few rows alike
 * in these, by the whole key; they mostly come in order of time already.
 */
export class BlockOrder {
  rowCount = 0;
  readonly #orgNumbers = new Map<string, number>();
  #keys = new Uint32Array(FIRST_CAPACITY_ROWS * KEY_WORDS);

  /** The number of an org in this block. */
  orgNumber(orgId: string): number {
    const known = this.#orgNumbers.get(orgId);
    if (known !== undefined) return known;
    const number = this.#orgNumbers.size;
    this.#orgNumbers.set(orgId, number);
    return number;
  }

  /** Takes the key of the next row. */
  add({ org, occurredAt, bytes, userKeyAt }: OrderKey): void {
    let word = this.rowCount * KEY_WORDS;
    if (word === this.#keys.length) this.#grow();
    const keys = this.#keys;
    keys[word] = org;
    for (let byte = 0; byte < USER_KEY_BYTES; byte += WORD_BYTES) {
      word += 1;
      keys[word] = readWord(bytes, userKeyAt + byte);
    }
    keys[word + 1] = Math.floor(occurredAt / WORD) + TIME_OFFSET;
    // A typed array keeps the lower 32 bits of any safe integer.
    keys[word + 2] = occurredAt;
    this.rowCount += 1;
  }

  /** Numbers of the rows, first row 0, in the order of the key. */
  sorted(): Uint32Array {
    const words = this.#sortWords().sort();
    const rows = new Uint32Array(words.length);
    let runStart = 0;
    for (let i = 0; i < words.length; i += 1) {
      rows[i] = (words[i] ?? 0) % ROWS_MAX;
      if (i > 0 && prefixOf(words[i]) !== prefixOf(words[i - 1])) {
        this.#sortRun(rows, runStart, i);
        runStart = i;
      }
    }
    this.#sortRun(rows, runStart, rows.length);
    return rows;
  }

  #sortWords(): Float64Array {
    const ranks = this.#orgRanks();
    const orgBits = WORD_BITS - Math.clz32(Math.max(0, ranks.length - 1));
    const userBits = Math.min(WORD_BITS, PREFIX_BITS - orgBits);
    const words = new Float64Array(this.rowCount);
    for (let row = 0; row < words.length; row += 1) {
      const at = row * KEY_WORDS;
      const rank = ranks[this.#keys[at] ?? 0] ?? 0;
      const user = (this.#keys[at + 1] ?? 0) >>> (WORD_BITS - userBits);
      words[row] = (rank * 2 ** userBits + user) * ROWS_MAX + row;
    }
    return words;
  }

  /** Puts rows of one org in order that are in order of arrival. */
  #sortRun(rows: Uint32Array, start: number, end: number): void {
    for (let i = start + 1; i < end; i += 1) {
      if (this.#compare(rows[i - 1] ?? 0, rows[i] ?? 0) > 0) {
        rows.subarray(start, end).sort((a, b) => this.#compare(a, b));
        return;
      }
    }
  }

  #compare(a: number, b: number): number {
    const keys = this.#keys;
    for (let word = 1; word < KEY_WORDS; word += 1) {
      const difference = (keys[a * KEY_WORDS + word] ?? 0) - (keys[b * KEY_WORDS + word] ?? 0);
      if (difference !== 0) return difference;
    }
    return a - b;
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

function prefixOf(word: number | undefined): number {
  return Math.floor((word ?? 0) / ROWS_MAX);
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
