import type { RowTexts } from '../shared-texts.ts';

/** Rows of one group: few enough that their bytes stay near the processor while one column after the other is read. */
export const GROUP_ROWS = 256;
/** A group is taken at this size, however few its rows. */
const GROUP_BYTES_MAX = 524_288;
/** Texts are read by whole words, which reach beyond the last one. */
const ROOM_BYTES = 8;

/**
 * Some rows as their layout has them, gathered: rows in order lie all over their block, and what a column would fetch of
 * each by itself costs 20 ns a value, fetched once 0.4 ns a byte. A column behind the head takes its value and moves on to
 * where the next begins.
 */
export class RowGroup {
  size = 0;
  /** Where the texts stand of which rows have numbers. */
  texts: RowTexts;
  /** The rows, one behind the other. */
  view: DataView;
  /** For each row, where its head begins, */
  readonly starts = new Int32Array(GROUP_ROWS);
  /** and where its next value behind the head does. */
  readonly at = new Int32Array(GROUP_ROWS);
  readonly #headBytes: number;
  #bytes: Buffer;
  #used = 0;

  constructor(headBytes: number, texts: RowTexts) {
    this.#headBytes = headBytes;
    this.texts = texts;
    this.#bytes = Buffer.allocUnsafeSlow(GROUP_BYTES_MAX);
    this.view = new DataView(this.#bytes.buffer);
  }

  /** To be taken, and then cleared, before another row is added. */
  get isFull(): boolean {
    return this.size === GROUP_ROWS || this.#used >= GROUP_BYTES_MAX;
  }

  /** Takes the row that stands in `source` from `start` to `end`. */
  add(source: Buffer, start: number, end: number): void {
    const used = this.#used;
    const next = used + end - start;
    if (next + ROOM_BYTES > this.#bytes.length) {
      this.#grow(next + ROOM_BYTES);
    }
    source.copy(this.#bytes, used, start, end);
    this.starts[this.size] = used;
    this.at[this.size] = used + this.#headBytes;
    this.size += 1;
    this.#used = next;
  }

  clear(): void {
    this.size = 0;
    this.#used = 0;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(bytes);
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** A length as RowBinary has it in front of a text, an array or a map. */
export function readLength(source: DataView, at: number): number {
  let length = 0;
  for (let index = 0; ; index += 1) {
    const byte = source.getUint8(at + index);
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return length;
  }
}

/** How many bytes that length itself takes. */
export function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
