import { StoreError } from './errors.ts';

const FIRST_CAPACITY_BYTES = 64 * 1024;
/** Texts up to this length are copied by a loop, which beats the call into the runtime; their length is one byte. */
const LOOPED_TEXT_CHARACTERS_MAX = 20;
const UTF8_BYTES_PER_CHARACTER_MAX = 3;
const LENGTH_BYTES_MAX = 5;
const INT32_BYTES = 4;
const INT64_BYTES = 8;
const INT128_BYTES = 16;
/** `Decimal(38, …)` holds integers of 38 digits. */
const DECIMAL_LIMIT = 10n ** 38n;
const INT32_MAX = 2_147_483_647;
const WORD = 4_294_967_296;

/**
 * Writes values in ClickHouse's RowBinary format one after another into a buffer that grows, by plain byte stores:
 * nothing is allocated per value as long as amounts are safe integers. Absent text is written as the empty text.
 */
export class RowBinaryWriter {
  /** What was written, up to `position`; another buffer when it has grown. */
  bytes: Buffer;
  /** Bytes written so far. */
  position = 0;
  /** Over `bytes`: one store of a word costs less than four of its bytes. */
  view: DataView;

  constructor(bytes: Buffer = Buffer.allocUnsafe(FIRST_CAPACITY_BYTES)) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  /** Goes on at the start of another buffer. */
  moveTo(bytes: Buffer): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.position = 0;
  }

  /** `Bool`. */
  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** `UInt8`, `Enum8` (not negative), or the null mark of a `Nullable`. */
  byte(value: number): void {
    this.#reserve(1);
    this.bytes[this.position] = value;
    this.position += 1;
  }

  /** `Int32` or `UInt32`. */
  int32(value: number): void {
    this.#reserve(INT32_BYTES);
    this.view.setInt32(this.position, value, true);
    this.position += INT32_BYTES;
  }

  /** `Int64`, `UInt64` or `DateTime64`, from a safe integer. */
  int64(value: number): void {
    this.#reserve(INT64_BYTES);
    const high = value >= 0 && value <= INT32_MAX ? 0 : Math.floor(value / WORD);
    this.view.setInt32(this.position, value, true);
    this.view.setInt32(this.position + INT32_BYTES, high, true);
    this.position += INT64_BYTES;
  }

  /** `Nullable(Int32)`. */
  nullableInt32(value: number | null): void {
    if (value === null) {
      this.byte(1);
      return;
    }
    this.byte(0);
    this.int32(value);
  }

  /** `Nullable(Int64)`. */
  nullableInt64(value: number | null): void {
    if (value === null) {
      this.byte(1);
      return;
    }
    this.byte(0);
    this.int64(value);
  }

  /** `Nullable(Decimal(38, 12))`, from picodollars. Throws `amount_out_of_range` beyond 38 digits. */
  nullableAmount(pico: bigint | null): void {
    if (pico === null) {
      this.byte(1);
      return;
    }
    this.byte(0);
    const small = Number(pico);
    if (Number.isSafeInteger(small)) {
      this.int64(small);
      const sign = small < 0 ? -1 : 0;
      this.int32(sign);
      this.int32(sign);
      return;
    }
    this.#wideAmount(pico);
  }

  /** `String`; `null` is written as the empty text. */
  text(value: string | null): void {
    if (value === null) {
      this.byte(0);
      return;
    }
    const { length } = value;
    if (length > LOOPED_TEXT_CHARACTERS_MAX) {
      this.#wideText(value);
      return;
    }
    this.#reserve(length + 1);
    const { bytes, position } = this;
    for (let i = 0; i < length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#wideText(value);
        return;
      }
      bytes[position + 1 + i] = code;
    }
    bytes[position] = length;
    this.position = position + 1 + length;
  }

  /** Texts one behind the other, without their number. */
  texts(values: readonly (string | null)[]): void {
    for (let i = 0; i < values.length; i += 1) this.text(values[i] ?? null);
  }

  /** Goes on at `position`, which is not before its own; what lies between means nothing. */
  skipTo(position: number): void {
    this.#reserve(position - this.position);
    this.position = position;
  }

  /** Number of elements, pairs or bytes that follow, as a variable-length integer. */
  length(value: number): void {
    this.#reserve(LENGTH_BYTES_MAX);
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.position] = (rest & 0x7f) | 0x80;
      this.position += 1;
      rest >>>= 7;
    }
    this.bytes[this.position] = rest;
    this.position += 1;
  }

  /** `FixedString(16)`. */
  fixed16(value: Uint8Array): void {
    this.#reserve(INT128_BYTES);
    const { bytes, position } = this;
    for (let i = 0; i < INT128_BYTES; i += 1) bytes[position + i] = value[i] ?? 0;
    this.position = position + INT128_BYTES;
  }

  /** `UUID`, from its 16 bytes in text order: ClickHouse keeps it as two little-endian words. */
  uuid(value: Uint8Array): void {
    this.#reserve(INT128_BYTES);
    const { bytes, position } = this;
    for (let i = 0; i < INT64_BYTES; i += 1) {
      bytes[position + i] = value[INT64_BYTES - 1 - i] ?? 0;
      bytes[position + INT64_BYTES + i] = value[INT128_BYTES - 1 - i] ?? 0;
    }
    this.position = position + INT128_BYTES;
  }

  /** `Nullable(UUID)`. */
  nullableUuid(value: Uint8Array | null): void {
    if (value === null) {
      this.byte(1);
      return;
    }
    this.byte(0);
    this.uuid(value);
  }

  #wideText(value: string): void {
    this.#reserve(LENGTH_BYTES_MAX + value.length * UTF8_BYTES_PER_CHARACTER_MAX);
    // Most texts are ASCII: the length in bytes is the length in characters, and no second pass has to count them.
    const { position } = this;
    this.length(value.length);
    const start = this.position;
    const byteCount = this.bytes.write(value, start);
    if (byteCount !== value.length) {
      this.position = position;
      this.length(byteCount);
      // The longer length may have taken the place of the first bytes.
      if (this.position !== start) this.bytes.write(value, this.position);
    }
    this.position += byteCount;
  }

  #wideAmount(pico: bigint): void {
    if (pico >= DECIMAL_LIMIT || pico <= -DECIMAL_LIMIT) {
      throw new StoreError('amount_out_of_range', 'an amount has more than 38 digits', { retryable: false });
    }
    this.#reserve(INT128_BYTES);
    this.bytes.writeBigUInt64LE(BigInt.asUintN(64, pico), this.position);
    this.bytes.writeBigInt64LE(BigInt.asIntN(64, pico >> 64n), this.position + INT64_BYTES);
    this.position += INT128_BYTES;
  }

  #reserve(byteCount: number): void {
    const needed = this.position + byteCount;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.position);
    this.bytes = grown;
    this.view = viewOf(grown);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
