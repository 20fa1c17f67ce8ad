import { type Slice, SliceTable } from '../slice-table.ts';
import { ColumnBytes } from './column-bytes.ts';
import { copyText } from './text-column.ts';

/** Of `LowCardinality`, as bits of a word: these names belong to this block alone, and are all that it has. */
const OWN_NAMES = 0x600;
const BYTE_NAMES_MAX = 2 ** 8;
const SHORT_NAMES_MAX = 2 ** 16;

/** What stands in front of a column that has names: the version of its form. */
export const NAMES_VERSION: Uint8Array = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** Texts that come again and again, the last one at each place: finding one there costs half of looking it up. */
const RECENT_PLACES = 256;
const WORD_BYTES = 8;
const HALF_WORD_BYTES = 4;

/**
 * The different texts of a `LowCardinality(String)` column in one block, numbered in order of appearance, and for each
 * value the number of its text. The form is ClickHouse's SerializationLowCardinality (26.7), written from what it reads.
 */
export class NameIndex {
  #table = new SliceTable(1);
  readonly #names = new ColumnBytes();
  /** Where the name of each number begins, and the last one ends. */
  #starts = new Int32Array(RECENT_PLACES);
  /** Numbers plus 1; 0 = none. */
  readonly #recent = new Int32Array(RECENT_PLACES);
  readonly #slice: { -readonly [Part in keyof Slice]: Slice[Part] } = {
    view: new DataView(new ArrayBuffer(0)),
    start: 0,
    end: 0,
    salt: 0,
  };
  #numbers = new Uint32Array(1024);
  /** Values so far. */
  count = 0;

  /** Adds a value: the text of that number. */
  append(number: number): void {
    if (this.count === this.#numbers.length) {
      const larger = new Uint32Array(this.count * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.count] = number;
    this.count += 1;
  }

  /** The number of the text that stands, behind its length, from `start` to `end`; more stands behind it. */
  numberOf(view: DataView, start: number, end: number): number {
    const place = placeOf(view, start, end);
    const recent = (this.#recent[place] ?? 0) - 1;
    const number =
      recent >= 0 && this.#isName(recent, view, { start, end }) ? recent : this.#find(view, start, end);
    this.#recent[place] = number + 1;
    return number;
  }

  /** Whether the only text so far is the empty one. */
  isDefault(): boolean {
    return this.count === 0 || (this.#table.size === 1 && this.#names.length === 1);
  }

  pieces(): readonly Uint8Array[] {
    if (this.count === 0) return [];
    const { size } = this.#table;
    const { width, code } = widthOf(size);
    const head = new ColumnBytes();
    head.putCount(OWN_NAMES | code);
    head.putCount(size);
    const middle = new ColumnBytes();
    middle.putCount(this.count);
    return [head.filled(), this.#names.filled(), middle.filled(), this.#numbersIn(width)];
  }

  clear(): void {
    this.#table = new SliceTable(1);
    this.#recent.fill(0);
    this.#names.length = 0;
    this.count = 0;
  }

  #isName(number: number, view: DataView, { start, end }: { start: number; end: number }): boolean {
    const size = end - start;
    const own = this.#names.view;
    const at = this.#starts[number] ?? 0;
    if ((this.#starts[number + 1] ?? 0) - at !== size) return false;
    let byte = 0;
    for (; byte <= size - WORD_BYTES; byte += WORD_BYTES) {
      if (own.getBigInt64(at + byte) !== view.getBigInt64(start + byte)) return false;
    }
    for (; byte < size; byte += 1) {
      if (own.getUint8(at + byte) !== view.getUint8(start + byte)) return false;
    }
    return true;
  }

  #find(view: DataView, start: number, end: number): number {
    const slice = this.#slice;
    slice.view = view;
    slice.start = start;
    slice.end = end;
    const place = this.#table.placeOf(slice);
    const { words, size } = this.#table;
    if (words[place] === 0) {
      words[place] = size;
      if (size + 1 > this.#starts.length) {
        const larger = new Int32Array(size * 2);
        larger.set(this.#starts);
        this.#starts = larger;
      }
      this.#starts[size - 1] = this.#names.length;
      copyText(view, start, this.#names);
      this.#starts[size] = this.#names.length;
    }
    return (words[place] ?? 0) - 1;
  }

  /** The numbers, each in so many bytes. */
  #numbersIn(width: NumberWidth): Uint8Array {
    const { count } = this;
    const numbers = this.#numbers;
    const bytes = new Uint8Array(count * width);
    if (width === 1) {
      bytes.set(numbers.subarray(0, count));
      return bytes;
    }
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < count; index += 1) {
      if (width === 2) view.setUint16(index * width, numbers[index] ?? 0, true);
      else view.setUint32(index * width, numbers[index] ?? 0, true);
    }
    return bytes;
  }
}

type NumberWidth = 1 | 2 | 4;

/** The fewest bytes that hold the numbers of so many names, and the code that says how many these are. */
function widthOf(names: number): { width: NumberWidth; code: number } {
  if (names <= BYTE_NAMES_MAX) return { width: 1, code: 0 };
  return names <= SHORT_NAMES_MAX ? { width: 2, code: 1 } : { width: 4, code: 2 };
}

/** From a text's length and a few of its bytes: texts that share a place cost time, and nothing else. */
function placeOf(view: DataView, start: number, end: number): number {
  const middle = start + ((end - start) >> 1);
  const word = view.getInt32(Math.max(end - HALF_WORD_BYTES, start)) ^ view.getInt32(middle);
  const mixed = Math.imul(word ^ (end - start), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & (RECENT_PLACES - 1);
}
