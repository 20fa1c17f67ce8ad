/** The header of a record batch (Kafka's message format 2), as far as reading needs it. */
export interface BatchHeader {
  readonly firstOffset: number;
  /** Records that compaction removed still count. */
  readonly lastOffset: number;
  /** As numbered in the attributes. */
  readonly codec: number;
  readonly firstTimestampMs: number;
  /** When the broker appended it; `null` = its records have times of their own. */
  readonly appendedAtMs: number | null;
  readonly isTransactional: boolean;
  /** It holds a marker of the broker, and no record for us. */
  readonly isControl: boolean;
  readonly records: number;
}

/** Layout: https://kafka.apache.org/documentation/#recordbatch (read 2026-11-24). */
export function readBatchHeader(bytes: Buffer, start: number): BatchHeader {
  const firstOffset = readInt64(bytes, start);
  const attributes = bytes.readInt16BE(start + 21);
  return {
    firstOffset,
    lastOffset: firstOffset + bytes.readInt32BE(start + 23),
    codec: attributes & 0x07,
    firstTimestampMs: readInt64(bytes, start + 27),
    appendedAtMs: (attributes & 0x08) === 0 ? null : readInt64(bytes, start + 35),
    isTransactional: (attributes & 0x10) !== 0,
    isControl: (attributes & 0x20) !== 0,
    records: bytes.readInt32BE(start + 57),
  };
}

/** Of a batch that is transactional: as a text, as the broker's list of aborted transactions has it. */
export function readProducerId(bytes: Buffer, start: number): string {
  return String(bytes.readBigInt64BE(start + 43));
}

/** Offsets and epoch milliseconds are safe integers: 2^53 of either are out of reach. */
export function readInt64(bytes: Buffer, start: number): number {
  return bytes.readInt32BE(start) * 0x1_0000_0000 + bytes.readUInt32BE(start + 4);
}
