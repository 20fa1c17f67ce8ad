import { ColumnBytes } from './column-bytes.ts';
import { isZero, type NativeColumn } from './native-column.ts';
import type { RowGroup } from './row-group.ts';

/** Bytes of a value that always has as many. */
export type FixedWidth = 1 | 4 | 8 | 16;

/** Integers, times, ids: RowBinary's bytes are Native's. */
export class FixedColumn implements NativeColumn {
  readonly #width: FixedWidth;
  readonly #out = new ColumnBytes();

  constructor(width: FixedWidth) {
    this.#width = width;
  }

  take(group: RowGroup): void {
    const out = this.#out;
    out.reserve(group.size * this.#width);
    COPIES[this.#width](group, out);
    out.length += group.size * this.#width;
  }

  isDefault(): boolean {
    return isZero(this.#out.filled());
  }

  pieces(): readonly Uint8Array[] {
    return [this.#out.filled()];
  }

  clear(): void {
    this.#out.length = 0;
  }
}

type Copy = (group: RowGroup, out: ColumnBytes) => void;

/** Loops of their own, for in a loop over any width nothing would stand still. */
const COPIES: Readonly<Record<FixedWidth, Copy>> = {
  1({ sources, at, size }, { bytes, length }) {
    for (let row = 0; row < size; row += 1) {
      const from = at[row] ?? 0;
      bytes[length + row] = sources[row]?.getUint8(from) ?? 0;
      at[row] = from + 1;
    }
  },
  4({ sources, at, size }, { view, length }) {
    for (let row = 0; row < size; row += 1) {
      const from = at[row] ?? 0;
      view.setInt32(length + row * 4, sources[row]?.getInt32(from) ?? 0);
      at[row] = from + 4;
    }
  },
  8({ sources, at, size }, { view, length }) {
    for (let row = 0; row < size; row += 1) {
      const from = at[row] ?? 0;
      const source = sources[row];
      if (source !== undefined) view.setBigInt64(length + row * 8, source.getBigInt64(from));
      at[row] = from + 8;
    }
  },
  16({ sources, at, size }, { view, length }) {
    for (let row = 0; row < size; row += 1) {
      const from = at[row] ?? 0;
      const source = sources[row];
      if (source !== undefined) {
        view.setBigInt64(length + row * 16, source.getBigInt64(from));
        view.setBigInt64(length + row * 16 + 8, source.getBigInt64(from + 8));
      }
      at[row] = from + 16;
    }
  },
};
