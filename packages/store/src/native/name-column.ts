import { NAMES_VERSION, NameIndex } from './name-index.ts';
import type { NativeColumn } from './native-column.ts';
import { lengthBytes, type RowGroup, readLength } from './row-group.ts';

/** A `LowCardinality(String)`. */
export class NameColumn implements NativeColumn {
  readonly #names = new NameIndex();

  take({ sources, at, size }: RowGroup): void {
    for (let row = 0; row < size; row += 1) {
      const source = sources[row];
      if (source !== undefined) at[row] = addName(source, at[row] ?? 0, this.#names);
    }
  }

  isDefault(): boolean {
    return this.#names.isDefault();
  }

  pieces(): readonly Uint8Array[] {
    return [NAMES_VERSION, ...this.#names.pieces()];
  }

  clear(): void {
    this.#names.clear();
  }
}

/** Adds the text that begins at `at`, and says where it ends. */
export function addName(source: DataView, at: number, names: NameIndex): number {
  const length = readLength(source, at);
  const end = at + lengthBytes(length) + length;
  names.add(source, at, end);
  return end;
}
