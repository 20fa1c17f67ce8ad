import type { FixedWidth } from '../row-layout.ts';
import { ColumnBytes } from './column-bytes.ts';
import { COPY_VALUES, type CopyValues } from './head-values.ts';
import type { NativeColumn } from './native-column.ts';
import type { RowGroup } from './row-group.ts';

/** A `Nullable` of values that always have as many bytes: a byte for each row, then a value for each, 0 where it is NULL. */
export class NullableColumn implements NativeColumn {
  readonly #at: number;
  readonly #width: FixedWidth;
  readonly #copy: CopyValues;
  readonly #nulls = new ColumnBytes();
  readonly #values = new ColumnBytes();
  /** While it is, no value is written. */
  #isAllNull = true;

  /** Of a mark at `at` in a row's head, and a value behind it. */
  constructor(at: number, width: FixedWidth) {
    this.#at = at;
    this.#width = width;
    this.#copy = COPY_VALUES[width];
  }

  take(group: RowGroup): void {
    const { size } = group;
    const bytes = size * this.#width;
    this.#nulls.reserve(size);
    this.#values.reserve(bytes);
    const nulls = this.#takeMarks(group);
    if (nulls < size && this.#isAllNull) {
      this.#isAllNull = false;
      this.#values.bytes.fill(0, 0, this.#values.length);
    }
    if (!this.#isAllNull) {
      this.#copy(group, this.#at + 1, this.#values);
      if (nulls > 0) this.#clearNulls(size);
    }
    this.#nulls.length += size;
    this.#values.length += bytes;
  }

  isDefault(): boolean {
    return this.#isAllNull;
  }

  pieces(): readonly Uint8Array[] {
    return [this.#nulls.filled(), this.#values.filled()];
  }

  clear(): void {
    this.#isAllNull = true;
    this.#nulls.length = 0;
    this.#values.length = 0;
  }

  /** How many are NULL. */
  #takeMarks({ view: source, starts, size }: RowGroup): number {
    const { bytes, length } = this.#nulls;
    const at = this.#at;
    let nulls = 0;
    for (let row = 0; row < size; row += 1) {
      const mark = source.getUint8((starts[row] ?? 0) + at);
      bytes[length + row] = mark;
      nulls += mark;
    }
    return nulls;
  }

  #clearNulls(size: number): void {
    const width = this.#width;
    const { bytes: nulls, length: nullsTo } = this.#nulls;
    const { bytes: values, length: to } = this.#values;
    for (let row = 0; row < size; row += 1) {
      if (nulls[nullsTo + row] !== 0) {
        for (let byte = 0; byte < width; byte += 1) values[to + row * width + byte] = 0;
      }
    }
  }
}
