import type { FixedWidth } from '../row-layout.ts';
import type { ColumnBytes } from './column-bytes.ts';
import type { RowGroup } from './row-group.ts';

/** Copies the value at `at` in every row's head to the end of `out`, which has room for them, and leaves its length. */
export type CopyValues = (group: RowGroup, at: number, out: ColumnBytes) => void;

/** Loops of their own, for in a loop over any width nothing would stand still. */
export const COPY_VALUES: Readonly<Record<FixedWidth, CopyValues>> = {
  1({ view: source, starts, size }, at, { bytes, length }) {
    for (let row = 0; row < size; row += 1) {
      bytes[length + row] = source.getUint8((starts[row] ?? 0) + at);
    }
  },
  4({ view: source, starts, size }, at, { view, length }) {
    for (let row = 0; row < size; row += 1) {
      view.setInt32(length + row * 4, source.getInt32((starts[row] ?? 0) + at, true), true);
    }
  },
  8({ view: source, starts, size }, at, { view, length }) {
    for (let row = 0; row < size; row += 1) {
      view.setBigInt64(length + row * 8, source.getBigInt64((starts[row] ?? 0) + at, true), true);
    }
  },
  16({ view: source, starts, size }, at, { view, length }) {
    for (let row = 0; row < size; row += 1) {
      const from = (starts[row] ?? 0) + at;
      const to = length + row * 16;
      view.setBigInt64(to, source.getBigInt64(from, true), true);
      view.setBigInt64(to + 8, source.getBigInt64(from + 8, true), true);
    }
  },
};
