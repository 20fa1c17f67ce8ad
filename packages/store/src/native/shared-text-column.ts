import type { SharedPlace } from '../row-layout.ts';
import { ColumnBytes } from './column-bytes.ts';
import type { NativeColumn } from './native-column.ts';
import type { RowGroup } from './row-group.ts';

const WORD_BYTES = 8;

/** A `String` of which rows have numbers. */
export class SharedTextColumn implements NativeColumn {
  readonly #place: SharedPlace;
  readonly #out = new ColumnBytes();
  #count = 0;

  constructor(place: SharedPlace) {
    this.#place = place;
  }

  take({ view: rows, starts, size, texts }: RowGroup): void {
    const { at, group, field } = this.#place;
    const { view: source, starts: textStarts, fields } = texts[group];
    const out = this.#out;
    for (let row = 0; row < size; row += 1) {
      const entry = rows.getInt32((starts[row] ?? 0) + at, true) * fields + field;
      const start = textStarts[entry] ?? 0;
      const bytes = (textStarts[entry + 1] ?? 0) - start;
      out.reserve(bytes);
      const { view, length } = out;
      for (let byte = 0; byte < bytes; byte += WORD_BYTES) {
        view.setBigInt64(length + byte, source.getBigInt64(start + byte, true), true);
      }
      out.length = length + bytes;
    }
    this.#count += size;
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
}
