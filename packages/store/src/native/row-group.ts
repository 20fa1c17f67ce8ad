/** Rows of one group: few enough that their bytes stay near the processor while one column after the other is read. */
export const GROUP_ROWS = 256;

const NO_BYTES = new DataView(new ArrayBuffer(0));

/**
 * Some rows in RowBinary, each read up to the same column. A column takes its value from every row and moves on the
 * places where the next column begins.
 */
export class RowGroup {
  size = 0;
  /** For each row, the memory in which it stands. */
  readonly sources: DataView[] = new Array<DataView>(GROUP_ROWS).fill(NO_BYTES);
  /** For each row, where in its memory it goes on. */
  readonly at = new Int32Array(GROUP_ROWS);

  add(source: DataView, start: number): void {
    this.sources[this.size] = source;
    this.at[this.size] = start;
    this.size += 1;
  }

  clear(): void {
    this.size = 0;
  }
}

/** A length as RowBinary has it in front of a text, an array or a map. */
export function readLength(source: DataView, at: number): number {
  let length = 0;
  for (let index = 0; ; index += 1) {
    const byte = source.getUint8(at + index);
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return length;
  }
}

/** How many bytes that length itself takes. */
export function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
