/**
 * Which (event id, line) stand at which offsets of one Kafka partition.
 *
 * A record is a duplicate if and only if its identity stands at a smaller offset of the same Kafka partition. So a
 * window is filled with what stands before a range, never with the range itself while that is being decided: a table
 * of ids alone, filled as records are read, calls a record that is read again before it was stored its own duplicate,
 * and loses it. Offsets, not arrivals, bound the window, so that a replay decides alike.
 */

/** `copy`: stands in the window with this content; `conflict`: stands there, but only with other content. */
export type Standing = 'absent' | 'copy' | 'conflict';

/** One record as the window keeps it. */
export interface SeenRecord {
  /** 16 bytes; copied. */
  readonly eventId: Uint8Array;
  readonly line: number;
  /** Hash of what the event says, an integer of up to 53 bits. */
  readonly content: number;
  readonly kafkaOffset: number;
}

/**
 * Offsets per Kafka partition within which duplicates are found. Memory follows what is there: 48 bytes a record in
 * steps of two, so at most 50 MB per assigned Kafka partition.
 */
export const WINDOW_OFFSETS_MAX = 1_000_000;

/** Records of one identity that a content is compared with, the newest first: bounds what one repeated id can cost. */
const CONTENTS_COMPARED_MAX = 8;
const CAPACITY_MIN = 1024;
const ID_WORDS = 4;

/**
 * A queue of records in rising order of offsets, with an open-addressing table over it. Every look-up and addition
 * takes constant time; nothing is allocated per record.
 */
export class DuplicateWindow {
  #capacity = CAPACITY_MIN;
  #ids = new Uint32Array(CAPACITY_MIN * ID_WORDS);
  #lines = new Int32Array(CAPACITY_MIN);
  #contents = new Float64Array(CAPACITY_MIN);
  #offsets = new Float64Array(CAPACITY_MIN);
  /** How many records back the one before with the same identity stands; 0 = there was none. */
  #distances = new Uint32Array(CAPACITY_MIN);
  /** Place in the queue of the newest record of an identity, plus 1; 0 = free. */
  #slots = new Uint32Array(CAPACITY_MIN * 2);
  /** The records are the sequence numbers [tail, head); a record's place is its number modulo the capacity. */
  #tail = 0;
  #head = 0;
  /** The identity last looked up, as words and as bytes. */
  readonly #key = new Uint32Array(ID_WORDS);
  readonly #keyBytes = new Uint8Array(this.#key.buffer);

  /** Records held. */
  get size(): number {
    return this.#head - this.#tail;
  }

  /** How an identity stands in the window. `content` as in {@link SeenRecord}. */
  find(eventId: Uint8Array, line: number, content: number): Standing {
    const slot = this.#findSlot(eventId, line);
    let place = (this.#slots[slot] ?? 0) - 1;
    if (place < 0) {
      return 'absent';
    }
    let sequence = this.#sequenceOf(place);
    for (let compared = 0; compared < CONTENTS_COMPARED_MAX; compared++) {
      if (this.#contents[place] === content) {
        return 'copy';
      }
      const distance = this.#distances[place] ?? 0;
      sequence -= distance;
      if (distance === 0 || sequence < this.#tail) {
        return 'conflict';
      }
      place = sequence & (this.#capacity - 1);
    }
    return 'conflict';
  }

  /** Adds a record behind all others. Its offset must be greater than theirs. */
  add({ eventId, line, content, kafkaOffset }: SeenRecord): void {
    const newest = this.size === 0 ? -1 : (this.#offsets[(this.#head - 1) & (this.#capacity - 1)] ?? -1);
    if (kafkaOffset <= newest) {
      throw new RangeError(`offset ${kafkaOffset} is added after ${newest}`);
    }
    if (this.size === this.#capacity) {
      this.#grow();
    }
    const slot = this.#findSlot(eventId, line);
    const before = (this.#slots[slot] ?? 0) - 1;
    const place = this.#head & (this.#capacity - 1);
    this.#ids.set(this.#key, place * ID_WORDS);
    this.#lines[place] = line;
    this.#contents[place] = content;
    this.#offsets[place] = kafkaOffset;
    this.#distances[place] = before < 0 ? 0 : this.#head - this.#sequenceOf(before);
    this.#slots[slot] = place + 1;
    this.#head += 1;
  }

  /** Adds all that a later window holds. */
  absorb(later: DuplicateWindow): void {
    for (let sequence = later.#tail; sequence < later.#head; sequence++) {
      this.add(later.#recordAt(sequence & (later.#capacity - 1)));
    }
  }

  /** Drops the records below an offset. */
  forgetBefore(kafkaOffset: number): void {
    while (this.size > 0) {
      const place = this.#tail & (this.#capacity - 1);
      if ((this.#offsets[place] ?? 0) >= kafkaOffset) {
        return;
      }
      const slot = this.#slotOfPlace(place);
      // A newer record of the same identity has the slot by now, and keeps it.
      if (this.#slots[slot] === place + 1) {
        this.#freeSlot(slot);
      }
      this.#tail += 1;
    }
  }

  #recordAt(place: number): SeenRecord {
    const words = this.#ids.subarray(place * ID_WORDS, (place + 1) * ID_WORDS);
    return {
      eventId: new Uint8Array(words.buffer, words.byteOffset, words.byteLength),
      line: this.#lines[place] ?? 0,
      content: this.#contents[place] ?? 0,
      kafkaOffset: this.#offsets[place] ?? 0,
    };
  }

  /** The newest sequence number that has this place: it lies in [head − capacity, head). */
  #sequenceOf(place: number): number {
    const last = this.#head - 1;
    return last - ((last - place) & (this.#capacity - 1));
  }

  /** The slot of an identity, or the free one where it would go. Leaves the identity's words in `#key`. */
  #findSlot(eventId: Uint8Array, line: number): number {
    this.#keyBytes.set(eventId);
    return this.#probe(this.#key, 0, line);
  }

  #slotOfPlace(place: number): number {
    return this.#probe(this.#ids, place * ID_WORDS, this.#lines[place] ?? 0);
  }

  #probe(words: Uint32Array, at: number, line: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashWords(words, at, line) & mask;
    for (;;) {
      const place = (this.#slots[slot] ?? 0) - 1;
      if (place < 0 || this.#isAt(place, words, at, line)) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #isAt(place: number, words: Uint32Array, at: number, line: number): boolean {
    const ids = this.#ids;
    const own = place * ID_WORDS;
    return (
      ids[own] === words[at] &&
      ids[own + 1] === words[at + 1] &&
      ids[own + 2] === words[at + 2] &&
      ids[own + 3] === words[at + 3] &&
      this.#lines[place] === line
    );
  }

  /** Linear probing without tombstones: what stands behind the gap and belongs before it moves up. */
  #freeSlot(freed: number): void {
    const mask = this.#slots.length - 1;
    let gap = freed;
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const place = (this.#slots[slot] ?? 0) - 1;
      if (place < 0) {
        break;
      }
      const home = hashWords(this.#ids, place * ID_WORDS, this.#lines[place] ?? 0) & mask;
      if (((slot - home) & mask) >= ((slot - gap) & mask)) {
        this.#slots[gap] = place + 1;
        gap = slot;
      }
    }
    this.#slots[gap] = 0;
  }

  #grow(): void {
    const larger = new DuplicateWindow();
    larger.#allocate(this.#capacity * 2);
    larger.absorb(this);
    this.#capacity = larger.#capacity;
    this.#ids = larger.#ids;
    this.#lines = larger.#lines;
    this.#contents = larger.#contents;
    this.#offsets = larger.#offsets;
    this.#distances = larger.#distances;
    this.#slots = larger.#slots;
    this.#tail = larger.#tail;
    this.#head = larger.#head;
  }

  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#ids = new Uint32Array(capacity * ID_WORDS);
    this.#lines = new Int32Array(capacity);
    this.#contents = new Float64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#distances = new Uint32Array(capacity);
    this.#slots = new Uint32Array(capacity * 2);
  }
}

/** Mixes all bits of an identity. Not for hostile keys: ids are hashes or UUIDs made by our own services. */
function hashWords(words: Uint32Array, at: number, line: number): number {
  let hash = line | 0;
  for (let index = at; index < at + ID_WORDS; index++) {
    hash = Math.imul(hash ^ (words[index] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash, 0x85ebca6b) >>> 0;
}
