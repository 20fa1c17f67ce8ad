import { IdentityKey } from './identity-key.ts';

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

/**
 * Offsets per Kafka partition within which duplicates are found. Memory follows what is there: 48 bytes a record in
 * steps of two, so at most 100 MB per assigned Kafka partition.
 */
export const WINDOW_OFFSETS_MAX = 2_000_000;

/** Records of one identity that a content is compared with, the newest first: bounds what one repeated id can cost. */
const CONTENTS_COMPARED_MAX = 8;
const CAPACITY_MIN = 1024;
/** More than the window's offsets and a block's rows. */
const CAPACITY_MAX = 2 ** 21;
const ID_WORDS = 4;
/** Of a slot: a record's place plus 1. The bits above are some of its hash, which tell most strangers without a look. */
const PLACE_MASK = 2 ** 22 - 1;

/**
 * A queue of records in rising order of offsets, with an open-addressing table over it. Every look-up and addition
 * takes constant time; nothing is allocated per record.
 */
export class DuplicateWindow {
  #capacity: number;
  #ids: Int32Array;
  #lines: Int32Array;
  #contents: Float64Array;
  #offsets: Float64Array;
  /** How many records back the one before with the same identity stands; 0 = there was none. */
  #distances: Uint32Array;
  /** For an identity its newest record's place and some bits of its hash; 0 = free. */
  #slots: Int32Array;
  /** The records are the sequence numbers [tail, head); a record's place is its number modulo the capacity. */
  #tail = 0;
  #head = 0;
  #newestOffset = Number.NEGATIVE_INFINITY;
  /** Of all ids that ever stood here, the latest time in one: an id of a later time needs no look. */
  #newestMadeAt = -1;
  readonly #key = new IdentityKey();

  /** Room for so many records from the start; it grows beyond. */
  constructor(records = 0) {
    const capacity = Math.max(CAPACITY_MIN, 2 ** Math.ceil(Math.log2(Math.max(1, records))));
    this.#capacity = capacity;
    this.#ids = new Int32Array(capacity * ID_WORDS);
    this.#lines = new Int32Array(capacity);
    this.#contents = new Float64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#distances = new Uint32Array(capacity);
    this.#slots = new Int32Array(capacity * 2);
  }

  /** Records held. */
  get size(): number {
    return this.#head - this.#tail;
  }

  /** How an identity stands in the window; `content` is the hash of what the event says, an integer of up to 53 bits. */
  find(key: IdentityKey, content: number): Standing {
    if (key.madeAt > this.#newestMadeAt) {
      return 'absent';
    }
    return this.#standingOf((this.#slots[this.#findSlot(key)] ?? 0) & PLACE_MASK, content);
  }

  /**
   * As {@link find}, and then adds the record behind all others. Throws a RangeError where its offset is not greater
   * than theirs, or the window is full (2^21 records).
   */
  add(key: IdentityKey, content: number, kafkaOffset: number): Standing {
    if (kafkaOffset <= this.#newestOffset) {
      throw new RangeError(`offset ${kafkaOffset} is added after ${this.#newestOffset}`);
    }
    if (this.size === this.#capacity) {
      this.#grow();
    }
    const slot = this.#findSlot(key);
    const before = (this.#slots[slot] ?? 0) & PLACE_MASK;
    const standing = this.#standingOf(before, content);
    const place = this.#head & (this.#capacity - 1);
    const at = place * ID_WORDS;
    this.#ids[at] = key.first;
    this.#ids[at + 1] = key.second;
    this.#ids[at + 2] = key.third;
    this.#ids[at + 3] = key.fourth;
    this.#lines[place] = key.line;
    this.#contents[place] = content;
    this.#offsets[place] = kafkaOffset;
    this.#distances[place] = before === 0 ? 0 : this.#head - this.#sequenceOf(before - 1);
    this.#slots[slot] = (key.hash & ~PLACE_MASK) | (place + 1);
    this.#head += 1;
    this.#newestOffset = kafkaOffset;
    this.#newestMadeAt = Math.max(this.#newestMadeAt, key.madeAt);
    return standing;
  }

  /** Adds all that a later window holds. */
  absorb(later: DuplicateWindow): void {
    const key = this.#key;
    for (let sequence = later.#tail; sequence < later.#head; sequence++) {
      const place = sequence & (later.#capacity - 1);
      later.#takeKey(key, place);
      this.add(key, later.#contents[place] ?? 0, later.#offsets[place] ?? 0);
    }
  }

  /** Drops the records below an offset. */
  forgetBefore(kafkaOffset: number): void {
    const key = this.#key;
    while (this.size > 0) {
      const place = this.#tail & (this.#capacity - 1);
      if ((this.#offsets[place] ?? 0) >= kafkaOffset) {
        return;
      }
      this.#takeKey(key, place);
      const slot = this.#findSlot(key);
      // A newer record of the same identity has the slot by now, and keeps it.
      if (((this.#slots[slot] ?? 0) & PLACE_MASK) === place + 1) {
        this.#freeSlot(slot);
      }
      this.#tail += 1;
    }
  }

  /** `place` is that of the newest record of an identity, plus 1; 0 = there is none. */
  #standingOf(place: number, content: number): Standing {
    if (place === 0) {
      return 'absent';
    }
    let at = place - 1;
    let sequence = this.#sequenceOf(at);
    for (let compared = 0; compared < CONTENTS_COMPARED_MAX; compared++) {
      if (this.#contents[at] === content) {
        return 'copy';
      }
      const distance = this.#distances[at] ?? 0;
      sequence -= distance;
      if (distance === 0 || sequence < this.#tail) {
        return 'conflict';
      }
      at = sequence & (this.#capacity - 1);
    }
    return 'conflict';
  }

  /** The newest sequence number that has this place: it lies in [head − capacity, head). */
  #sequenceOf(place: number): number {
    const last = this.#head - 1;
    return last - ((last - place) & (this.#capacity - 1));
  }

  #takeKey(key: IdentityKey, place: number): void {
    key.take(this.#ids, place * ID_WORDS, this.#lines[place] ?? 0);
  }

  /** The slot of an identity, or the free one where it would go. */
  #findSlot(key: IdentityKey): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const mark = key.hash & ~PLACE_MASK;
    let slot = key.hash & mask;
    for (;;) {
      const entry = slots[slot] ?? 0;
      if (entry === 0 || ((entry & ~PLACE_MASK) === mark && this.#isAt((entry & PLACE_MASK) - 1, key))) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #isAt(place: number, key: IdentityKey): boolean {
    const ids = this.#ids;
    const at = place * ID_WORDS;
    return (
      ids[at] === key.first &&
      ids[at + 1] === key.second &&
      ids[at + 2] === key.third &&
      ids[at + 3] === key.fourth &&
      this.#lines[place] === key.line
    );
  }

  /** Linear probing without tombstones: what stands behind the gap and belongs before it moves up. */
  #freeSlot(freed: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const key = new IdentityKey();
    let gap = freed;
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? 0;
      if (entry === 0) {
        break;
      }
      this.#takeKey(key, (entry & PLACE_MASK) - 1);
      if (((slot - key.hash) & mask) >= ((slot - gap) & mask)) {
        slots[gap] = entry;
        gap = slot;
      }
    }
    slots[gap] = 0;
  }

  #grow(): void {
    if (this.#capacity === CAPACITY_MAX) {
      throw new RangeError(`a window holds at most ${CAPACITY_MAX} records`);
    }
    const larger = new DuplicateWindow(this.#capacity * 2);
    larger.absorb(this);
    this.#capacity = larger.#capacity;
    this.#ids = larger.#ids;
    this.#lines = larger.#lines;
    this.#contents = larger.#contents;
    this.#offsets = larger.#offsets;
    this.#distances = larger.#distances;
    this.#slots = larger.#slots;
    this.#newestMadeAt = larger.#newestMadeAt;
    this.#tail = larger.#tail;
    this.#head = larger.#head;
  }
}
