import { isUtf8 } from 'node:buffer';
import { RAW_HEAD_BYTES } from '@meterstone/store';

/** Two bytes of a length hold this many twice over, which is more than any text that an event may have. */
const TWO_BYTES_LIMIT = 0x80;
/** Eight bytes at a time cost less than half of what four at a time do: V8 (Node 26) makes no BigInt of them. */
const WORD_BYTES = 8;
/** The top bit of each byte of a word. */
const NOT_ASCII = BigInt.asIntN(64, 0x8080808080808080n);
/** The same for so many of its first bytes. */
const NOT_ASCII_AT_FIRST = Array.from({ length: WORD_BYTES }, (_, bytes) =>
  BigInt.asIntN(64, 0x8080808080808080n & (256n ** BigInt(bytes) - 1n)),
);
const WORD = 2 ** 32;
const INT32_MAX = 2 ** 31 - 1;
const INT_BITS = 28;
const LONG_LIMIT = 2 ** 53;
const BYTES_8_LIMIT = 2 ** 56;
const SMALL_AMOUNT_BYTES_MAX = 15;
const AMOUNT_BYTES = 16;
const INT64_BYTES = 8;
const ID_BYTES = 16;

/**
 * Walks over an Avro record and writes RowBinary as it goes, value by value, without making anything of either. It knows
 * only what is plain: shortest forms, one block, numbers that are not negative, texts that are surely within their limit
 * and surely UTF-8. Whatever else it meets sets `isUnusual`, and then what was written means nothing; a RangeError (the
 * bytes end too soon) means the same.
 */
export class RowWalk {
  /** All the memory in which the record stands, and the same as words. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** The next byte to be read. */
  at = 0;
  /** Where the row begins, and its head does, */
  start = 0;
  /** and the next byte to be written behind the head. */
  to = 0;
  isUnusual = false;
  #out: Uint8Array = this.bytes;
  #outView: DataView = this.view;

  /** Begins at `at` in `memory`, and at the row's place in the memory of `row`; `view` is over the same bytes as `bytes`. */
  begin(memory: Uint8Array, at: number, row: { bytes: Uint8Array; view: DataView; position: number }): void {
    const { buffer } = memory;
    // Records of one fetch stand in a few large buffers: a view for each record would cost as much as a tenth of the walk.
    if (this.bytes.buffer !== buffer) {
      this.bytes = new Uint8Array(buffer);
      this.view = new DataView(buffer);
    }
    this.at = memory.byteOffset + at;
    this.#out = row.bytes;
    this.#outView = row.view;
    this.start = row.position;
    this.to = row.position + RAW_HEAD_BYTES;
    this.isUnusual = false;
  }

  /** Writes a byte. */
  put(byte: number): void {
    this.#out[this.to++] = byte;
  }

  /** Sets a byte of the head. */
  setByte(at: number, byte: number): void {
    this.#out[this.start + at] = byte;
  }

  /** Sets an `Int32` of the head. */
  setInt32(at: number, value: number): void {
    this.#outView.setInt32(this.start + at, value, true);
  }

  /** Sets an `Int64` of the head that is not negative. */
  setInt64(at: number, value: number): void {
    const to = this.start + at;
    this.#outView.setInt32(to, value, true);
    this.#outView.setInt32(to + 4, value > INT32_MAX ? Math.floor(value / WORD) : 0, true);
  }

  /** Sets a `Nullable(Int32)` of the head; −1 = NULL. */
  setInt32OrNull(at: number, value: number): void {
    this.setByte(at, value < 0 ? 1 : 0);
    this.setInt32(at + 1, value);
  }

  /** Sets a `Nullable(Decimal(38, 12))` of the head from picodollars: a safe integer that is not negative, or −1 for NULL. */
  setAmount(at: number, pico: number): void {
    this.setByte(at, pico < 0 ? 1 : 0);
    this.setInt64(at + 1, pico);
    this.setInt32(at + 9, 0);
    this.setInt32(at + 13, 0);
  }

  /** Reads a number from 0 to `max`. */
  count(max: number): number {
    const byte = this.bytes[this.at++] ?? 0;
    const count = byte < 0x80 && (byte & 1) === 0 ? byte >>> 1 : this.#largeCount(byte);
    if (count > max) {
      this.isUnusual = true;
      return 0;
    }
    return count;
  }

  /** Sets as many `Int64` of the head, from `at` on, to numbers from 0 to `max`, and `counts` too. Most are 0 or small. */
  setCounts(at: number, counts: Float64Array, max: number): void {
    const { bytes } = this;
    const outView = this.#outView;
    let to = this.start + at;
    for (let index = 0; index < counts.length; index++) {
      const byte = bytes[this.at] ?? 0;
      if ((byte & 0x81) !== 0) {
        const count = this.count(max);
        counts[index] = count;
        this.setInt64(to - this.start, count);
      } else {
        this.at += 1;
        counts[index] = byte >>> 1;
        outView.setInt32(to, byte >>> 1, true);
        outView.setInt32(to + 4, 0, true);
      }
      to += INT64_BYTES;
    }
  }

  /** As {@link count}; −1 = it is null. */
  countOrNull(max: number): number {
    return this.#isPresent() ? this.count(max) : -1;
  }

  /** Reads an enum of so many symbols: its number. */
  symbol(symbols: number): number {
    const byte = this.bytes[this.at++] ?? 0;
    const number = byte >>> 1;
    this.isUnusual ||= (byte & 1) === 1 || number >= symbols;
    return number;
  }

  /** Reads a boolean: 0 or 1. */
  flag(): number {
    const byte = this.bytes[this.at++] ?? 0;
    this.isUnusual ||= byte > 1;
    return byte;
  }

  /** Copies a text of 1 to `bytesMax` bytes. */
  text(bytesMax: number): void {
    const length = this.textLength(bytesMax);
    this.isUnusual ||= length === 0;
    this.copyText(length);
  }

  /** Copies a text of at most `bytesMax` bytes; an absent one becomes the empty text. */
  textOrNull(bytesMax: number): void {
    if (this.#isPresent()) {
      this.copyText(this.textLength(bytesMax));
    } else {
      this.put(0);
    }
  }

  /** Reads over a text of 1 to `bytesMax` bytes: whether it is UTF-8 is left open. */
  skipText(bytesMax: number): void {
    const length = this.textLength(bytesMax);
    this.isUnusual ||= length === 0;
    this.at += length;
  }

  /** Reads over a text of at most `bytesMax` bytes, or its absence, as {@link skipText}. */
  skipTextOrNull(bytesMax: number): void {
    if (this.#isPresent()) {
      const length = this.textLength(bytesMax);
      this.at += length;
    }
  }

  /** Reads the number of bytes of a text that follows. */
  textLength(bytesMax: number): number {
    let length = this.bytes[this.at++] ?? 0;
    if (length >= TWO_BYTES_LIMIT) {
      const second = this.bytes[this.at++] ?? 0;
      this.isUnusual ||= second >= TWO_BYTES_LIMIT || second === 0;
      length = (length & 0x7f) | (second << 7);
    }
    if ((length & 1) === 1 || length > bytesMax * 2) {
      this.isUnusual = true;
      return 0;
    }
    return length >>> 1;
  }

  /** Copies the `length` bytes of a text, behind their number. */
  copyText(length: number): void {
    this.putLength(length);
    const { bytes, view, at, to } = this;
    const outView = this.#outView;
    let isWide = false;
    let index = 0;
    for (; index <= length - WORD_BYTES; index += WORD_BYTES) {
      const word = view.getBigInt64(at + index, true);
      outView.setBigInt64(to + index, word, true);
      isWide ||= BigInt.asIntN(64, word & NOT_ASCII) !== 0n;
    }
    if (at + index + WORD_BYTES <= view.byteLength) {
      // What is written too much, the next value overwrites.
      const word = view.getBigInt64(at + index, true);
      outView.setBigInt64(to + index, word, true);
      isWide ||= BigInt.asIntN(64, word & (NOT_ASCII_AT_FIRST[length - index] ?? 0n)) !== 0n;
    } else {
      for (; index < length; index++) {
        const byte = bytes[at + index] ?? 0;
        this.#out[to + index] = byte;
        isWide ||= byte > 0x7f;
      }
    }
    this.at = at + length;
    this.to = to + length;
    if (isWide) {
      this.#checkWide(at, at + length);
    }
  }

  /** Sets a `UUID` of the head, as ClickHouse keeps it: two words, each with its bytes from last to first. */
  setId(head: number): void {
    const { view, at } = this;
    const to = this.start + head;
    const outView = this.#outView;
    outView.setInt32(to, view.getInt32(at + 4), true);
    outView.setInt32(to + 4, view.getInt32(at), true);
    outView.setInt32(to + 8, view.getInt32(at + 12), true);
    outView.setInt32(to + 12, view.getInt32(at + 8), true);
    this.at = at + ID_BYTES;
  }

  /** Reads over `count` absent values. */
  nulls(count: number): void {
    for (let index = 0; index < count; index++) {
      this.isUnusual ||= this.bytes[this.at++] !== 0;
    }
  }

  /** Sets an amount of the head, or its absence. */
  setAmountOrNull(head: number): void {
    if (!this.#isPresent()) {
      this.setByte(head, 1);
      return;
    }
    const length = this.textLength(SMALL_AMOUNT_BYTES_MAX);
    const { bytes, at } = this;
    const first = bytes[at] ?? 0;
    const sign = first >= 0x80 ? 0xff : 0;
    // More bytes than it needs, or none: another form.
    this.isUnusual ||=
      length === 0 || (length > 1 && first === sign && (bytes[at + 1] ?? 0) >>> 7 === sign >>> 7);
    this.setByte(head, 0);
    for (let index = 0; index < AMOUNT_BYTES; index++) {
      this.setByte(head + 1 + index, index < length ? (bytes[at + length - 1 - index] ?? 0) : sign);
    }
    this.at = at + length;
  }

  /** Writes how many bytes or elements follow: less than 2^14. */
  putLength(length: number): void {
    if (length >= TWO_BYTES_LIMIT) {
      this.put((length & 0x7f) | 0x80);
      this.put(length >>> 7);
    } else {
      this.put(length);
    }
  }

  /**
   * Whether of two texts of less than 128 bytes that were written one behind the other, the first comes before the second
   * by their bytes, which is the order of code points.
   */
  isInOrder(first: number, second: number): boolean {
    const out = this.#out;
    const firstLength = out[first] ?? 0;
    const secondLength = out[second] ?? 0;
    const length = Math.min(firstLength, secondLength);
    for (let index = 1; index <= length; index++) {
      const difference = (out[first + index] ?? 0) - (out[second + index] ?? 0);
      if (difference !== 0) {
        return difference < 0;
      }
    }
    return firstLength < secondLength;
  }

  /**
   * Whether bytes that were read over, texts that may be absent but for the first, are surely texts: all of them together
   * are UTF-8, and then so is each, for before each but the first stands a byte of ASCII, which says that it is there.
   */
  areTexts(start: number, end: number): boolean {
    const { bytes } = this;
    for (let at = start; at < end; at++) {
      if ((bytes[at] ?? 0) > 0x7f) {
        return isUtf8(bytes.subarray(start, end));
      }
    }
    return true;
  }

  #isPresent(): boolean {
    const branch = this.bytes[this.at++] ?? 0;
    this.isUnusual ||= branch !== 0 && branch !== 2;
    return branch === 2;
  }

  /** The rest of a number that does not fit one byte, or is negative: then it is unusual. */
  #largeCount(first: number): number {
    const { bytes } = this;
    let { at } = this;
    let value = first & 0x7f;
    let byte = first;
    for (let bits = 7; byte > 0x7f && bits < INT_BITS; bits += 7) {
      byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << bits;
    }
    for (let factor = 2 ** INT_BITS; byte > 0x7f && factor < BYTES_8_LIMIT; factor *= 0x80) {
      byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * factor;
    }
    this.at = at;
    const count = Math.floor(value / 2);
    this.isUnusual ||= byte > 0x7f || byte === 0 || value >= LONG_LIMIT || count * 2 !== value;
    return count;
  }

  /** Only what is UTF-8 comes back as the same bytes, and the mark of what is none tells nothing of what was there. */
  #checkWide(start: number, end: number): void {
    const { bytes } = this;
    this.isUnusual ||= !isUtf8(bytes.subarray(start, end));
    for (let at = start; at < end - 2; at++) {
      this.isUnusual ||= bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
    }
  }
}
