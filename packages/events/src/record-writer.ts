import { toDecimalBytes } from './decimal.ts';

/** Bytes that the facts of fixed size take at most, all together, and what a map adds to each of its texts. */
const ROOM_BYTES = 1024;
/** Longer texts are written by a native call, which costs as much as this many characters one by one. */
const LOOPED_CHARACTERS_MAX = 24;
/** UTF-8 bytes of a UTF-16 unit, at most. */
const BYTES_PER_UNIT_MAX = 3;
const INT_BITS = 28;
const INT_LIMIT = 2 ** INT_BITS;
const LONG_LIMIT = 2 ** 52;
const ID_BYTES = 16;
/** Amounts beyond 64 bits are left to avsc, and with them all that do not fit at all. */
const AMOUNT_BITS = 64;

/**
 * Writes Avro values one behind the other. Whatever is not plain (a value of another type, an ill-formed text, too
 * little room) sets `isUnusual` and writes nothing sensible: then avsc has to write the record, or to refuse it.
 */
export class RecordWriter {
  position: number;
  isUnusual: boolean;
  readonly #bytes: Buffer;
  /** Where a text must end, so that the rest has room. */
  readonly #textLimit: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
    this.#textLimit = bytes.length - ROOM_BYTES;
    this.isUnusual = position > this.#textLimit;
  }

  int(value: number): void {
    if (value !== (value | 0)) {
      this.isUnusual = true;
      return;
    }
    this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  intOrNull(value: number | null): void {
    if (this.#isPresent(value)) {
      this.int(value);
    }
  }

  /** An integer of 53 bits: −2^52 … 2^52 − 1. */
  long(value: number): void {
    if (value === (value | 0)) {
      this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    if (!Number.isInteger(value) || value < -LONG_LIMIT || value >= LONG_LIMIT) {
      this.isUnusual = true;
      return;
    }
    const zigzag = value < 0 ? -2 * value - 1 : 2 * value;
    // Over 2^32 here, so that the high half is never 0.
    const high = Math.floor(zigzag / INT_LIMIT);
    const low = zigzag - high * INT_LIMIT;
    const bytes = this.#bytes;
    const at = this.position;
    bytes[at] = low | 0x80;
    bytes[at + 1] = (low >>> 7) | 0x80;
    bytes[at + 2] = (low >>> 14) | 0x80;
    bytes[at + 3] = (low >>> 21) | 0x80;
    this.position = at + 4;
    this.#varint(high);
  }

  longOrNull(value: number | null): void {
    if (this.#isPresent(value)) {
      this.long(value);
    }
  }

  flag(value: boolean): void {
    this.isUnusual ||= typeof value !== 'boolean';
    this.#bytes[this.position++] = value ? 1 : 0;
  }

  symbol(symbols: readonly string[], value: string): void {
    const index = symbols.indexOf(value);
    this.isUnusual ||= index < 0;
    this.#bytes[this.position++] = index << 1;
  }

  id(value: Uint8Array): void {
    if (!(value instanceof Uint8Array) || value.length !== ID_BYTES) {
      this.isUnusual = true;
      return;
    }
    const bytes = this.#bytes;
    const at = this.position;
    for (let index = 0; index < ID_BYTES; index++) {
      bytes[at + index] = value[index] ?? 0;
    }
    this.position = at + ID_BYTES;
  }

  idOrNull(value: Uint8Array | null): void {
    if (this.#isPresent(value)) {
      this.id(value);
    }
  }

  amountOrNull(value: bigint | null): void {
    if (!this.#isPresent(value)) {
      return;
    }
    if (typeof value !== 'bigint' || BigInt.asIntN(AMOUNT_BITS, value) !== value) {
      this.isUnusual = true;
      return;
    }
    const decimal = toDecimalBytes(value);
    this.#bytes[this.position++] = decimal.length << 1;
    this.#bytes.set(decimal, this.position);
    this.position += decimal.length;
  }

  text(value: string): void {
    if (typeof value !== 'string' || this.position + value.length * BYTES_PER_UNIT_MAX > this.#textLimit) {
      this.isUnusual = true;
      return;
    }
    const { length } = value;
    if (length > LOOPED_CHARACTERS_MAX) {
      this.#wideText(value);
      return;
    }
    const bytes = this.#bytes;
    let at = this.position;
    bytes[at++] = length << 1;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.#wideText(value);
        return;
      }
      bytes[at++] = code;
    }
    this.position = at;
  }

  textOrNull(value: string | null): void {
    if (this.#isPresent(value)) {
      this.text(value);
    }
  }

  texts(values: readonly string[]): void {
    if (!Array.isArray(values)) {
      this.isUnusual = true;
      return;
    }
    this.#blockOf(values.length);
    for (let index = 0; index < values.length; index++) {
      this.text(values[index] as string); // What it is, `text` finds out.
    }
    this.#endOfBlocks();
  }

  textMap(values: Readonly<Record<string, string>>): void {
    for (const key of this.#blockOfKeys(values)) {
      this.text(key);
      this.text(values[key] as string); // As above.
    }
    this.#endOfBlocks();
  }

  longMap(values: Readonly<Record<string, number>>): void {
    for (const key of this.#blockOfKeys(values)) {
      this.text(key);
      this.long(values[key] as number); // As above.
    }
    this.#endOfBlocks();
  }

  /** Writes which branch of a union with null follows. */
  #isPresent<Value>(value: Value | null): value is Value {
    this.#bytes[this.position++] = value === null ? 0 : 2;
    return value !== null;
  }

  #blockOfKeys(values: object): readonly string[] {
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      this.isUnusual = true;
      return [];
    }
    const keys = Object.keys(values);
    this.#blockOf(keys.length);
    return keys;
  }

  #blockOf(count: number): void {
    if (count > 0) {
      this.int(count);
    }
  }

  #endOfBlocks(): void {
    this.#bytes[this.position++] = 0;
  }

  #wideText(value: string): void {
    const bytes = this.#bytes;
    const at = this.position;
    // The bytes' number stands in front of them; for most texts it is that of the characters.
    const guess = varintBytes(value.length * 2);
    const length = bytes.write(value, at + guess, 'utf8');
    // avsc writes a lone surrogate in one of two ways.
    this.isUnusual ||= length !== value.length && !value.isWellFormed();
    const prefix = varintBytes(length * 2);
    if (prefix !== guess) {
      bytes.write(value, at + prefix, 'utf8');
    }
    this.#varint(length * 2);
    this.position += length;
  }

  /** Of 32 unsigned bits. */
  #varint(value: number): void {
    const bytes = this.#bytes;
    let at = this.position;
    let rest = value;
    while (rest > 0x7f) {
      bytes[at++] = rest | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.position = at;
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) {
    count += 1;
  }
  return count;
}
