/** At 16 bits an id and five of them set, one id in a thousand passes that was not added. */
const BITS_PER_ID = 16;
const BITS_SET = 5;
const WORD_BITS = 32;
const BITS_MIN = 1024;

/**
 * A Bloom filter over event ids: says of an id that it is surely not among those added, or that it may be. The
 * bits of an id are spread by double hashing.
 */
export class IdFilter {
  readonly capacity: number;
  #size = 0;
  readonly #words: Uint32Array;
  readonly #mask: number;

  /** `capacity`: ids that it can take before it lets too many others pass. */
  constructor(capacity: number) {
    this.capacity = capacity;
    const bits = Math.max(BITS_MIN, 2 ** Math.ceil(Math.log2(capacity * BITS_PER_ID)));
    this.#words = new Uint32Array(bits / WORD_BITS);
    this.#mask = bits - 1;
  }

  /** Ids added, repeated ones counted again. */
  get size(): number {
    return this.#size;
  }

  add(eventId: Uint8Array): void {
    this.#size += 1;
    const first = mix(eventId, 0);
    const step = mix(eventId, first) | 1;
    for (let index = 0; index < BITS_SET; index++) {
      const bit = (first + Math.imul(index, step)) & this.#mask;
      const word = bit >>> 5;
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (bit & 31));
    }
  }

  mayHave(eventId: Uint8Array): boolean {
    const first = mix(eventId, 0);
    const step = mix(eventId, first) | 1;
    for (let index = 0; index < BITS_SET; index++) {
      const bit = (first + Math.imul(index, step)) & this.#mask;
      if (((this.#words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) {
        return false;
      }
    }
    return true;
  }
}

/** Spreads every bit of an id over a word; another seed gives another word. */
function mix(id: Uint8Array, seed: number): number {
  let hash = seed;
  for (let at = 0; at < ID_BYTES; at += 4) {
    hash = Math.imul(hash ^ wordAt(id, at), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

const ID_BYTES = 16;

function wordAt(id: Uint8Array, at: number): number {
  return ((id[at] ?? 0) << 24) | ((id[at + 1] ?? 0) << 16) | ((id[at + 2] ?? 0) << 8) | (id[at + 3] ?? 0);
}
