import { ColumnBytes } from './column-bytes.ts';
import type { NativeColumn } from './native-column.ts';
import { lengthBytes, type RowGroup, readLength } from './row-group.ts';
import { copyText } from './text-column.ts';

const INT64_BYTES = 8;

/** A `Map` of texts to texts or to `Int64`: where each row's pairs end, then all keys, then all values. */
export class MapColumn implements NativeColumn {
  readonly #isOfTexts: boolean;
  readonly #ends = new ColumnBytes();
  readonly #keys = new ColumnBytes();
  readonly #values = new ColumnBytes();
  #count = 0;

  constructor(values: 'texts' | 'numbers') {
    this.#isOfTexts = values === 'texts';
  }

  take({ view, at, size }: RowGroup): void {
    for (let row = 0; row < size; row += 1) {
      at[row] = this.#takePairs(view, at[row] ?? 0);
      this.#ends.putCount(this.#count);
    }
  }

  isDefault(): boolean {
    return this.#count === 0;
  }

  pieces(): readonly Uint8Array[] {
    return [this.#ends.filled(), this.#keys.filled(), this.#values.filled()];
  }

  clear(): void {
    this.#count = 0;
    this.#ends.length = 0;
    this.#keys.length = 0;
    this.#values.length = 0;
  }

  #takePairs(source: DataView, at: number): number {
    const count = readLength(source, at);
    let to = at + lengthBytes(count);
    for (let index = 0; index < count; index += 1) {
      to = copyText(source, to, this.#keys);
      if (this.#isOfTexts) {
        to = copyText(source, to, this.#values);
      } else {
        this.#values.reserve(INT64_BYTES);
        this.#values.view.setBigInt64(this.#values.length, source.getBigInt64(to));
        this.#values.length += INT64_BYTES;
        to += INT64_BYTES;
      }
    }
    this.#count += count;
    return to;
  }
}
