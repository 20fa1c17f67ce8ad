import type { RowGroup } from './row-group.ts';

/** A column of a block in ClickHouse's Native format, filled from rows in RowBinary. */
export interface NativeColumn {
  /** Takes the next value of every row of a group. */
  take(group: RowGroup): void;
  /** Whether every value so far is what ClickHouse puts where a column is not given. */
  isDefault(): boolean;
  /** The values' bytes, in pieces; the next block overwrites them. */
  pieces(): readonly Uint8Array[];
  /** Forgets all values and keeps the memory. */
  clear(): void;
}

/** Whether all bytes are 0: a comparison that ends at the first other one. */
export function isZero(bytes: Uint8Array): boolean {
  for (let from = 0; from < bytes.length; from += ZEROS.length) {
    const some = bytes.subarray(from, from + ZEROS.length);
    if (ZEROS.compare(some, 0, some.length, 0, some.length) !== 0) return false;
  }
  return true;
}

const ZEROS = Buffer.alloc(4096);
