import type { SharedPlace } from '../row-layout.ts';
import { ColumnBytes } from './column-bytes.ts';
import type { NativeColumn } from './native-column.ts';
import { lengthBytes, type RowGroup, readLength } from './row-group.ts';

const WORD_BYTES = 8;
/** Longer texts are copied by the runtime, which beats a loop from about here on. */
const LOOPED_BYTES_MAX = 512;

/** Texts, each behind its length, as in RowBinary. */
export class TextColumn implements NativeColumn {
  readonly #place: SharedPlace | null;
  readonly #out = new ColumnBytes();
  #count = 0;

  /** Of the texts of which rows have numbers at this place; `null` = of those that stand behind their heads. */
  constructor(place: SharedPlace | null) {
    this.#place = place;
  }

  take(group: RowGroup): void {
    if (this.#place === null) this.#takeOwn(group);
    else this.#takeShared(group, this.#place);
    this.#count += group.size;
  }

  isDefault(): boolean {
    return this.#out.length === this.#count;
  }

  pieces(): readonly Uint8Array[] {
    return [this.#out.filled()];
  }

  clear(): void {
    this.#count = 0;
    this.#out.length = 0;
  }

  #takeOwn({ view, at, size }: RowGroup): void {
    const out = this.#out;
    for (let row = 0; row < size; row += 1) at[row] = copyText(view, at[row] ?? 0, out);
  }

  #takeShared({ view: rows, starts, size, texts }: RowGroup, { at, group, field }: SharedPlace): void {
    const { view: source, starts: textStarts, fields } = texts[group];
    const out = this.#out;
    for (let row = 0; row < size; row += 1) {
      const number = rows.getInt32((starts[row] ?? 0) + at, true);
      copyText(source, textStarts[number * fields + field] ?? 0, out);
    }
  }
}

/** Copies a text with its length, and says where it ended. Whole words are read, which reach beyond it. */
export function copyText(source: DataView, at: number, out: ColumnBytes): number {
  const first = source.getUint8(at);
  if (first === 0) {
    out.reserve(1);
    out.bytes[out.length] = 0;
    out.length += 1;
    return at + 1;
  }
  let size = first + 1;
  if (first > 0x7f) {
    const length = readLength(source, at);
    size = length + lengthBytes(length);
  }
  out.reserve(size);
  const { view, length: to } = out;
  if (size > LOOPED_BYTES_MAX) {
    out.bytes.set(new Uint8Array(source.buffer, source.byteOffset + at, size), to);
  } else {
    for (let byte = 0; byte < size; byte += WORD_BYTES) {
      view.setBigInt64(to + byte, source.getBigInt64(at + byte, true), true);
    }
  }
  out.length = to + size;
  return at + size;
}
