import { ColumnBytes } from './column-bytes.ts';
import type { FixedWidth } from './fixed-column.ts';
import type { NativeColumn } from './native-column.ts';
import type { RowGroup } from './row-group.ts';

const WORD_BYTES = 4;

/** A `Nullable` of values that always have as many bytes: a byte for each row, then a value for each, 0 where it is NULL. */
export class NullableColumn implements NativeColumn {
  readonly #width: FixedWidth;
  readonly #nulls = new ColumnBytes();
  readonly #values = new ColumnBytes();
  #isAllNull = true;

  constructor(width: Exclude<FixedWidth, 1>) {
    this.#width = width;
  }

  take({ sources, at, size }: RowGroup): void {
    const width = this.#width;
    this.#nulls.reserve(size);
    this.#values.reserve(size * width);
    const { bytes: nulls, length: nullsTo } = this.#nulls;
    const { view: values } = this.#values;
    let { length: to } = this.#values;
    for (let row = 0; row < size; row += 1) {
      const source = sources[row];
      const from = at[row] ?? 0;
      const isNull = source?.getUint8(from) ?? 1;
      nulls[nullsTo + row] = isNull;
      if (isNull === 0 && source !== undefined) {
        this.#isAllNull = false;
        for (let byte = 0; byte < width; byte += WORD_BYTES) {
          values.setInt32(to + byte, source.getInt32(from + 1 + byte));
        }
        at[row] = from + 1 + width;
      } else {
        for (let byte = 0; byte < width; byte += WORD_BYTES) values.setInt32(to + byte, 0);
        at[row] = from + 1;
      }
      to += width;
    }
    this.#nulls.length += size;
    this.#values.length = to;
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
}
