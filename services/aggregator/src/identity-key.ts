/**
 * The identity of a record, (event id, line), as words: taken once from where it stands, then looked for and added
 * anywhere without a copy of it.
 */
export class IdentityKey {
  first = 0;
  second = 0;
  third = 0;
  fourth = 0;
  line = 0;
  /** The time in an id that is made like a UUIDv7, which begins with it: epoch milliseconds; −1 = there is none. */
  madeAt = -1;
  /** 32 bits over all of it. Not for hostile keys: ids are hashes or UUIDs made by our own services. */
  hash = 0;

  /** Takes the id of 16 bytes that stands in `bytes` at `position`. */
  read(bytes: Uint8Array, position: number, line: number): void {
    this.first = wordAt(bytes, position);
    this.second = wordAt(bytes, position + 4);
    this.third = wordAt(bytes, position + 8);
    this.fourth = wordAt(bytes, position + 12);
    this.line = line;
    this.#rehash();
  }

  /** Takes the words that another left in a row in `words` at `position`. */
  take(words: Int32Array, position: number, line: number): void {
    this.first = words[position] ?? 0;
    this.second = words[position + 1] ?? 0;
    this.third = words[position + 2] ?? 0;
    this.fourth = words[position + 3] ?? 0;
    this.line = line;
    this.#rehash();
  }

  #rehash(): void {
    const { first, second } = this;
    const isTimed = ((second >>> VERSION_BITS) & 0xf) === TIMED_VERSION;
    this.madeAt = isTimed ? turned(first) * TIME_LOW + (turned(second) >>> TIME_LOW_BITS) : -1;
    let hash = mixed(this.line ^ this.first);
    hash = mixed(hash ^ this.second);
    hash = mixed(hash ^ this.third);
    hash = mixed(hash ^ this.fourth);
    hash = Math.imul(hash, 0x85ebca6b);
    this.hash = hash ^ (hash >>> 13);
  }
}

/** Where the version stands in an id's second word, whose bytes are from last to first. */
const VERSION_BITS = 20;
const TIMED_VERSION = 7;
/** The time's last 16 bits begin the second word. */
const TIME_LOW_BITS = 16;
const TIME_LOW = 2 ** TIME_LOW_BITS;

/** A word with its bytes the other way round, as a number that is not negative. */
function turned(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

function mixed(word: number): number {
  const product = Math.imul(word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}
