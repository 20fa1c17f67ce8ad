import { ColumnBytes } from './column-bytes.ts';
import { NAMES_VERSION, NameIndex } from './name-index.ts';
import type { NativeColumn } from './native-column.ts';
import { lengthBytes, type RowGroup, readLength } from './row-group.ts';

/** An `Array(LowCardinality(String))`: where each row's elements end, then the elements of all rows. */
export class NamesColumn implements NativeColumn {
  readonly #ends = new ColumnBytes();
  readonly #names = new NameIndex();

  take({ view, at, size }: RowGroup): void {
    const names = this.#names;
    for (let row = 0; row < size; row += 1) {
      const count = readLength(view, at[row] ?? 0);
      let to = (at[row] ?? 0) + lengthBytes(count);
      for (let index = 0; index < count; index += 1) to = addName(view, to, names);
      at[row] = to;
      this.#ends.putCount(names.count);
    }
  }

  isDefault(): boolean {
    return this.#names.count === 0;
  }

  pieces(): readonly Uint8Array[] {
    return [NAMES_VERSION, this.#ends.filled(), ...this.#names.pieces()];
  }

  clear(): void {
    this.#ends.length = 0;
    this.#names.clear();
  }
}

/** Adds the text that begins at `at`, and says where it ends. */
function addName(source: DataView, at: number, names: NameIndex): number {
  const length = readLength(source, at);
  const end = at + lengthBytes(length) + length;
  names.append(names.numberOf(source, at, end));
  return end;
}
