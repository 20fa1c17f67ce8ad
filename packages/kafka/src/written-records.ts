import type { FetchedRecord } from './fetched-record.ts';
import type { RecordBytes } from './record-run.ts';

/** Records as a batch of them holds them, by rising offset. */
export function writeRecords(records: readonly FetchedRecord[]): RecordBytes {
  const firstOffset = records[0]?.offset ?? 0;
  const firstTimestampMs = records[0]?.timestampMs ?? 0;
  const parts = records.flatMap(({ offset, timestampMs, key, value }) => {
    const delta = zigzag(offset - firstOffset);
    const body = [
      NO_ATTRIBUTES,
      zigzag(timestampMs - firstTimestampMs),
      delta,
      ...sized(key),
      ...sized(value),
      NO_HEADERS,
    ];
    return [zigzag(body.reduce((bytes, part) => bytes + part.length, 0)), ...body];
  });
  return {
    bytes: Buffer.concat(parts),
    records: records.length,
    firstOffset,
    lastOffset: records.at(-1)?.offset ?? 0,
    firstTimestampMs,
    appendedAtMs: null,
  };
}

const NO_ATTRIBUTES = Buffer.of(0);
const NO_HEADERS = Buffer.of(0);

function sized(bytes: Uint8Array | null): Uint8Array[] {
  return bytes === null ? [zigzag(-1)] : [zigzag(bytes.length), bytes];
}

/** Zigzag, then seven bits a byte, least significant first, of a number far below 2^53. */
function zigzag(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    bytes.push((rest % 0x80) + 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}
