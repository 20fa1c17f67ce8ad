/**
 * Reads Kafka's numbers from bytes, one behind the other. Behind the end everything reads as 0 and the position goes
 * on: who uses it compares the position with the end once, instead of before every byte.
 */
export class ByteCursor {
  readonly #bytes: Buffer;
  position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** Zigzag, seven bits a byte, least significant first. Throws RangeError beyond 32 bits. */
  varint(): number {
    const first = this.#next();
    if (first < MORE) {
      return (first >>> 1) ^ -(first & 1);
    }
    let bits = first & REST;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.#next();
      bits |= (byte & REST) << shift;
      if (byte < MORE) {
        return (bits >>> 1) ^ -(bits & 1);
      }
    }
    throw new RangeError('a number is longer than 32 bits');
  }

  /** As `varint`, of up to 64 bits; what is beyond 2^53 loses its last digits. */
  varlong(): number {
    let bits = 0;
    let scale = 1;
    for (let bytes = 0; bytes < VARLONG_BYTES_MAX; bytes++) {
      const byte = this.#next();
      bits += (byte & REST) * scale;
      if (byte < MORE) {
        return bits % 2 === 0 ? bits / 2 : -(bits + 1) / 2;
      }
      scale *= 128;
    }
    throw new RangeError('a number is longer than 64 bits');
  }

  /** Goes past a number of either kind. Throws RangeError beyond 64 bits. */
  skip(): void {
    const last = this.position + VARLONG_BYTES_MAX;
    while (this.#next() >= MORE) {
      if (this.position === last) {
        throw new RangeError('a number is longer than 64 bits');
      }
    }
  }

  /** Goes past bytes with their length before them; a negative length means that there are none. */
  skipBytes(): void {
    const length = this.varint();
    this.position += Math.max(0, length);
  }

  #next(): number {
    return this.#bytes[this.position++] ?? 0;
  }
}

/** Set in every byte of a number but its last. */
const MORE = 0x80;
const REST = 0x7f;
const VARLONG_BYTES_MAX = 10;
