/** Some bytes of a larger whole. */
export interface Slice {
  readonly view: DataView;
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
  /** Slices that differ in it are different: an integer of 32 bits. */
  readonly salt: number;
}

/**
 * Some words for each slice: the same bytes under the same salt always have the same ones. For memories of what follows
 * from a few facts of an event, so that no text has to be made of them. A slice's words stand beside its bytes, for of
 * many slices most are far from the processor.
 */
export class SliceTable {
  readonly #wordsEach: number;
  #size = 0;
  /** Where the entry of a slice begins, plus 1; 0 = free. */
  #slots = new Int32Array(SLOTS_MIN);
  /** Entries, one behind the other: hash, salt, number of bytes, the words, the bytes. */
  #words = new Int32Array(WORDS_MIN);
  #view: DataView = new DataView(this.#words.buffer);
  #used = 0;

  /** All words of all slices are 0 at first. */
  constructor(wordsEach: number) {
    this.#wordsEach = wordsEach;
  }

  /** Slices known. */
  get size(): number {
    return this.#size;
  }

  /** Where the words of slices stand, at the places that {@link placeOf} tells; another array once it has grown. */
  get words(): Int32Array {
    return this.#words;
  }

  /** Where the first of a slice's words stands; a slice that is not known is added. */
  placeOf(slice: Slice): number {
    const hash = hashOf(slice);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = (slots[slot] ?? 0) - 1;
      if (entry < 0) {
        slots[slot] = this.#used + 1;
        return this.#add(slice, hash);
      }
      if (this.#words[entry] === hash && this.#isAt(entry, slice)) {
        return entry + HEAD_WORDS;
      }
    }
  }

  #isAt(entry: number, { view, start, end, salt }: Slice): boolean {
    const words = this.#words;
    const own = this.#view;
    if (words[entry + 1] !== salt || words[entry + 2] !== end - start) {
      return false;
    }
    let at = (entry + HEAD_WORDS + this.#wordsEach) * WORD_BYTES;
    let other = start;
    for (; other <= end - 2 * WORD_BYTES; other += 2 * WORD_BYTES, at += 2 * WORD_BYTES) {
      if (own.getBigInt64(at) !== view.getBigInt64(other)) {
        return false;
      }
    }
    for (; other < end; other += 1, at += 1) {
      if (own.getUint8(at) !== view.getUint8(other)) {
        return false;
      }
    }
    return true;
  }

  #add({ view, start, end, salt }: Slice, hash: number): number {
    const entry = this.#used;
    const bytesAt = entry + HEAD_WORDS + this.#wordsEach;
    this.#used = bytesAt + Math.ceil((end - start) / WORD_BYTES);
    if (this.#used > this.#words.length) {
      const larger = new Int32Array(this.#used * 2);
      larger.set(this.#words);
      this.#words = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#words[entry] = hash;
    this.#words[entry + 1] = salt;
    this.#words[entry + 2] = end - start;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + start, end - start);
    new Uint8Array(this.#words.buffer, bytesAt * WORD_BYTES).set(bytes);
    this.#size += 1;
    if (this.#size * 2 === this.#slots.length) {
      this.#grow();
    }
    return entry + HEAD_WORDS;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    for (const entry of this.#slots) {
      if (entry > 0) {
        let slot = (this.#words[entry - 1] ?? 0) & (slots.length - 1);
        while (slots[slot] !== 0) {
          slot = (slot + 1) & (slots.length - 1);
        }
        slots[slot] = entry;
      }
    }
    this.#slots = slots;
  }
}

const SLOTS_MIN = 256;
const WORDS_MIN = 1024;
const HEAD_WORDS = 3;
const WORD_BYTES = 4;

/** In two chains, of which one does not wait for the other. */
function hashOf({ view, start, end, salt }: Slice): number {
  let hash = salt ^ (end - start);
  let other = 0;
  let at = start;
  for (; at <= end - 2 * WORD_BYTES; at += 2 * WORD_BYTES) {
    hash = mixed(hash ^ view.getInt32(at));
    other = mixed(other ^ view.getInt32(at + WORD_BYTES));
  }
  hash ^= other;
  if (at <= end - WORD_BYTES) {
    hash = mixed(hash ^ view.getInt32(at));
    at += WORD_BYTES;
  }
  for (; at < end; at += 1) {
    hash = mixed(hash ^ view.getUint8(at));
  }
  hash = Math.imul(hash, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function mixed(word: number): number {
  const product = Math.imul(word, 0x9e3779b1);
  return product ^ (product >>> 15);
}
