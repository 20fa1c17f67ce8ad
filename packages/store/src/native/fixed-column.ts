import type { FixedWidth } from '../row-layout.ts';
import { ColumnBytes } from './column-bytes.ts';
import { COPY_VALUES, type CopyValues } from './head-values.ts';
import { isZero, type NativeColumn } from './native-column.ts';
import type { RowGroup } from './row-group.ts';

/** Integers, times, ids: RowBinary's bytes are Native's. */
export class FixedColumn implements NativeColumn {
  readonly #at: number;
  readonly #width: FixedWidth;
  readonly #copy: CopyValues;
  readonly #out = new ColumnBytes();

  /** Of values at `at` in a row's head. */
  constructor(at: number, width: FixedWidth) {
    this.#at = at;
    this.#width = width;
    this.#copy = COPY_VALUES[width];
  }

  take(group: RowGroup): void {
    const out = this.#out;
    const bytes = group.size * this.#width;
    out.reserve(bytes);
    this.#copy(group, this.#at, out);
    out.length += bytes;
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
