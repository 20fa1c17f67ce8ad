const FIRST_CAPACITY_BYTES = 4096;
/** Words are written whole: so many bytes behind what was written may be overwritten at any time. */
const ROOM_BYTES = 8;

/** Bytes that grow, and whose memory is used again for the next block: fresh memory costs as much as filling it. */
export class ColumnBytes {
  bytes: Uint8Array = new Uint8Array(FIRST_CAPACITY_BYTES);
  /** Over the same bytes. */
  view: DataView = new DataView(this.bytes.buffer);
  /** Bytes written. */
  length = 0;

  /** Makes room for so many more bytes, and for a word behind them. */
  reserve(count: number): void {
    const needed = this.length + count + ROOM_BYTES;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
  }

  /** Appends a `UInt64`. */
  putCount(count: number): void {
    this.reserve(8);
    this.view.setUint32(this.length, count, true);
    this.view.setUint32(this.length + 4, Math.floor(count / 2 ** 32), true);
    this.length += 8;
  }

  /** What was written; it changes with the next write. */
  filled(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
