import { fromDecimalBytes } from './decimal.ts';

/** Bytes that are made one string, of which texts are parts: who keeps a part keeps no more than that. */
const WINDOW_BYTES = 1024;
/** Longer texts are read by a native call, which costs as much as looking at this many bytes one by one. */
const LOOKED_AT_BYTES_MAX = 96;
const ID_BYTES = 16;
const INT_BITS = 28;
const INT_LIMIT = 2 ** INT_BITS;
const BYTES_8_LIMIT = 2 ** 56;
const LONG_LIMIT = 2 ** 53;

/**
 * Reads Avro values one behind the other. Whatever is not plain (not the shortest form, several blocks, a branch or
 * symbol that does not exist, an end that comes too soon) sets `isUnusual`, and then what was read means nothing: avsc
 * has to read the record, or to refuse it. Never reads outside `bytes`; an amount may throw a RangeError.
 */
export class RecordReader {
  position: number;
  isUnusual = false;
  /** What was read would be written as these very bytes. May be `false` though it would. */
  isCanonical = true;
  /** Half-open ranges of what was read apart: start, end, start, end. */
  readonly apart: number[] = [];
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #window: string;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
    this.#start = position;
    this.#window = bytes.toString('latin1', position, position + WINDOW_BYTES);
  }

  int(): number {
    const value = this.long();
    this.isUnusual ||= value !== (value | 0);
    return value;
  }

  intOrNull(): number | null {
    return this.#isPresent() ? this.int() : null;
  }

  /** An integer of 53 bits: −2^52 … 2^52 − 1. */
  long(): number {
    const first = this.#byte();
    return first < 0x80 ? (first >>> 1) ^ -(first & 1) : this.#longFrom(first);
  }

  longOrNull(): number | null {
    return this.#isPresent() ? this.long() : null;
  }

  longApart(): number {
    const start = this.position;
    const value = this.long();
    this.apart.push(start, this.position);
    return value;
  }

  flag(): boolean {
    const byte = this.#byte();
    this.isUnusual ||= byte > 1;
    return byte === 1;
  }

  symbol<Name extends string>(symbols: readonly Name[]): Name {
    const byte = this.#byte();
    const name = symbols[byte >>> 1];
    if (name === undefined || (byte & 1) === 1) {
      this.isUnusual = true;
      return symbols[0] as Name; // Of no meaning.
    }
    return name;
  }

  id(): Buffer {
    const bytes = this.#bytes;
    const start = this.#take(ID_BYTES);
    const id = Buffer.allocUnsafe(ID_BYTES);
    for (let index = 0; index < ID_BYTES; index++) {
      id[index] = bytes[start + index] ?? 0;
    }
    return id;
  }

  idOrNull(): Buffer | null {
    return this.#isPresent() ? this.id() : null;
  }

  amountOrNull(): bigint | null {
    if (!this.#isPresent()) {
      return null;
    }
    const length = this.long();
    const start = this.#take(length);
    if (this.isUnusual) {
      return null;
    }
    const bytes = this.#bytes.subarray(start, start + length);
    const [first = 0, second = 0] = bytes;
    this.isUnusual ||= length > 1 && first === (second < 0x80 ? 0 : 0xff);
    return fromDecimalBytes(bytes);
  }

  text(): string {
    const bytes = this.#bytes;
    const length = this.long();
    const start = this.#take(length);
    if (this.isUnusual) {
      return '';
    }
    const end = start + length;
    const from = start - this.#start;
    if (length > LOOKED_AT_BYTES_MAX || from + length > this.#window.length) {
      return this.#wideText(start, end);
    }
    for (let at = start; at < end; at++) {
      if ((bytes[at] ?? 0) > 0x7f) {
        return this.#wideText(start, end);
      }
    }
    return this.#window.substring(from, from + length);
  }

  textOrNull(): string | null {
    return this.#isPresent() ? this.text() : null;
  }

  textApart(): string {
    const start = this.position;
    const text = this.text();
    this.apart.push(start, this.position);
    return text;
  }

  /** A text that many are kept of, hence no part of a longer one. */
  ownTextOrNull(): string | null {
    if (!this.#isPresent()) {
      return null;
    }
    const length = this.long();
    const start = this.#take(length);
    return this.isUnusual ? '' : this.#wideText(start, start + length);
  }

  texts(): string[] {
    const values: string[] = [];
    for (let left = this.#blockCount(1); left > 0; left--) {
      values.push(this.text());
    }
    this.#endOfBlocks(values.length);
    return values;
  }

  textMap(): Record<string, string> {
    const values: Record<string, string> = {};
    const count = this.#blockCount(2);
    for (let left = count; left > 0; left--) {
      const key = this.#key();
      values[key] = this.text();
    }
    this.#endOfMap(count);
    return values;
  }

  longMap(): Record<string, number> {
    const values: Record<string, number> = {};
    const count = this.#blockCount(2);
    for (let left = count; left > 0; left--) {
      const key = this.#key();
      values[key] = this.long();
    }
    this.#endOfMap(count);
    return values;
  }

  #isPresent(): boolean {
    const branch = this.#byte();
    this.isUnusual ||= branch !== 0 && branch !== 2;
    return branch === 2;
  }

  /** 0 behind the end, which the record's own end shows: nothing stands there. */
  #byte(): number {
    return this.#bytes[this.position++] ?? 0;
  }

  /** Where the next `length` bytes start; 0, and nothing is taken, when they are not there. */
  #take(length: number): number {
    const start = this.position;
    if (length < 0 || start + length > this.#bytes.length) {
      this.isUnusual = true;
      return 0;
    }
    this.position = start + length;
    return start;
  }

  #longFrom(first: number): number {
    const bytes = this.#bytes;
    let at = this.position;
    let value = first & 0x7f;
    let byte = first;
    for (let bits = 7; byte > 0x7f && bits < INT_BITS; bits += 7) {
      byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << bits;
    }
    for (let factor = INT_LIMIT; byte > 0x7f && factor < BYTES_8_LIMIT; factor *= 128) {
      byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * factor;
    }
    this.position = at;
    // Beyond 53 bits, or longer than it need be.
    this.isUnusual ||= byte > 0x7f || byte === 0 || value >= LONG_LIMIT;
    const half = Math.floor(value / 2);
    return value === 2 * half ? half : -half - 1;
  }

  #wideText(start: number, end: number): string {
    const text = this.#bytes.toString('utf8', start, end);
    // Stands for bytes that are no UTF-8, too.
    this.isCanonical &&= !text.includes('\ufffd');
    return text;
  }

  #key(): string {
    const key = this.text();
    // A plain assignment would drop it.
    this.isUnusual ||= key === '__proto__';
    return key;
  }

  /** The entries of the only block, 0 where there is none; each takes at least `entryBytesMin` of what is left. */
  #blockCount(entryBytesMin: number): number {
    const count = this.long();
    if (count < 0 || count * entryBytesMin > this.#bytes.length - this.position) {
      this.isUnusual = true;
    }
    return this.isUnusual ? 0 : count;
  }

  #endOfBlocks(count: number): void {
    this.isUnusual ||= count > 0 && this.#byte() !== 0;
  }

  #endOfMap(count: number): void {
    this.#endOfBlocks(count);
    // Of several keys, one may come twice or be a number, which an object sorts.
    this.isCanonical &&= count < 2;
  }
}
