import type { TiledSoFar } from './audit-memory.ts';

/** A range of the ledger, as far as tiling is concerned. */
export interface TiledRange {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly records: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
}

/**
 * Where the ranges of a Kafka partition do not tile it. `gap`: nobody says what became of these offsets. `overlap`: two
 * ranges say so. `miscounted`: a range's parts are not its records, or are more than its offsets. `empty`: a range
 * without offsets.
 */
export interface TilingFault {
  readonly kind: 'gap' | 'overlap' | 'miscounted' | 'empty';
  /** Half-open range of offsets. */
  readonly from: number;
  readonly to: number;
}

/** A check of ranges that come in stretches, by rising offset. */
export interface TilingCheck {
  /** Takes the next ranges and says what is wrong with them. */
  add(ranges: readonly TiledRange[]): TilingFault[];
  /** First offset behind the last range; `null` = none has come. */
  readonly position: number | null;
  /** Rows that the ranges say they stored. */
  readonly stored: number;
}

/**
 * Goes on where an earlier check ended; without one it begins at the first range that comes: what was before the ledger
 * began is not its matter.
 */
export function createTilingCheck(since: TiledSoFar = { position: null, stored: 0 }): TilingCheck {
  let { position, stored } = since;
  return {
    add(ranges) {
      const faults: TilingFault[] = [];
      for (const range of ranges) {
        faults.push(...faultsOf(range, position));
        position = Math.max(position ?? 0, range.nextOffset);
        stored += range.stored;
      }
      return faults;
    },
    get position() {
      return position;
    },
    get stored() {
      return stored;
    },
  };
}

function faultsOf(range: TiledRange, position: number | null): TilingFault[] {
  const { firstOffset, nextOffset, records } = range;
  const faults: TilingFault[] = [];
  if (position !== null && firstOffset > position) {
    faults.push({ kind: 'gap', from: position, to: firstOffset });
  }
  if (position !== null && firstOffset < position) {
    faults.push({ kind: 'overlap', from: firstOffset, to: Math.min(position, nextOffset) });
  }
  if (firstOffset >= nextOffset) faults.push({ kind: 'empty', from: firstOffset, to: nextOffset });
  else if (
    records !== range.stored + range.duplicates + range.deadLetters ||
    records > nextOffset - firstOffset
  ) {
    faults.push({ kind: 'miscounted', from: firstOffset, to: nextOffset });
  }
  return faults;
}
