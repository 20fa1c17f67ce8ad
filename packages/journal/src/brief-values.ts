const TEXT_CHARACTERS_MAX = 255;
const TEXTS_MAX = 255;
const WORD = 2 ** 32;
const INSTANT_LIMIT = 2 ** 48;
/** What the facts of fixed size take at most, between two texts. */
const ROOM_BYTES = 64;

/** Writes the values of brief notes one behind the other; what it cannot write makes the whole note none. */
export class BriefWriter {
  readonly #bytes: Buffer;
  /** Where a text must end, so that what follows has room. */
  readonly #textLimit: number;
  #position = 0;
  #isWritable = true;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#textLimit = bytes.length - ROOM_BYTES;
  }

  begin(position: number): void {
    this.#position = position;
    this.#isWritable = position <= this.#textLimit;
  }

  /** The next position; −1: something could not be written. */
  end(): number {
    return this.#isWritable ? this.#position : -1;
  }

  /** 16 of them. */
  bits(value: number): void {
    this.#bytes[this.#position] = value;
    this.#bytes[this.#position + 1] = value >>> 8;
    this.#position += 2;
  }

  symbol(symbols: readonly string[], value: string): void {
    const index = symbols.indexOf(value);
    this.#isWritable &&= index >= 0;
    this.#bytes[this.#position++] = index;
  }

  /** Epoch milliseconds. */
  instant(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= INSTANT_LIMIT) {
      this.#isWritable = false;
      return;
    }
    const bytes = this.#bytes;
    const at = this.#position;
    const high = Math.floor(value / WORD);
    const low = value - high * WORD;
    bytes[at] = low;
    bytes[at + 1] = low >>> 8;
    bytes[at + 2] = low >>> 16;
    bytes[at + 3] = low >>> 24;
    bytes[at + 4] = high;
    bytes[at + 5] = high >>> 8;
    this.#position = at + 6;
  }

  number(value: number): void {
    if (value >>> 0 !== value) {
      this.#isWritable = false;
      return;
    }
    let at = this.#position;
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[at++] = rest | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at++] = rest;
    this.#position = at;
  }

  numberIfAny(value: number | null): void {
    if (value !== null) {
      this.number(value);
    }
  }

  text(value: string): void {
    if (
      typeof value !== 'string' ||
      value.length > TEXT_CHARACTERS_MAX ||
      this.#position + value.length >= this.#textLimit
    ) {
      this.#isWritable = false;
      return;
    }
    const bytes = this.#bytes;
    const { length } = value;
    let at = this.#position;
    let union = 0;
    bytes[at++] = length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      union |= code;
      bytes[at++] = code;
    }
    this.#isWritable &&= union < 0x80;
    this.#position = at;
  }

  textIfAny(value: string | null): void {
    if (value !== null) {
      this.text(value);
    }
  }

  texts(values: readonly string[]): void {
    if (!Array.isArray(values) || values.length > TEXTS_MAX) {
      this.#isWritable = false;
      return;
    }
    this.#bytes[this.#position++] = values.length;
    for (let index = 0; index < values.length; index++) {
      this.text(values[index] as string); // What it is, `text` finds out.
    }
  }
}

/** Reads them back. Behind the end it reads zeros and empty texts, and is not whole. Never throws. */
export class BriefReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** All was there, and there is no more. */
  get isWhole(): boolean {
    return this.#position === this.#bytes.length;
  }

  bits(): number {
    return this.#byte() | (this.#byte() << 8);
  }

  /** `null`: it is none of these. */
  symbol<Value>(symbols: readonly Value[]): Value | null {
    return symbols[this.#byte()] ?? null;
  }

  instant(): number {
    const low = this.bits() + this.bits() * 2 ** 16;
    return low + this.bits() * WORD;
  }

  number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        break;
      }
    }
    return value;
  }

  text(): string {
    const start = this.#position + 1;
    this.#position = start + this.#byte();
    return this.#bytes.toString('latin1', start, this.#position);
  }

  texts(): string[] {
    const count = this.#byte();
    return Array.from({ length: count }, () => this.text());
  }

  #byte(): number {
    return this.#bytes[this.#position++] ?? 0;
  }
}
