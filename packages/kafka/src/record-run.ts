import { ByteCursor } from './byte-cursor.ts';
import type { FetchedRecord } from './fetched-batch.ts';

/** The records of one record batch, inflated, with what its header says of all of them. */
export interface RecordRun {
  readonly bytes: Buffer;
  readonly records: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Epoch milliseconds, to which each record adds its own. */
  readonly firstTimestampMs: number;
  /** When the broker appended them, which then is every record's time; `null` = the producer's times hold. */
  readonly appendedAtMs: number | null;
}

/**
 * Appends the records at `position` and behind it. Layout: https://kafka.apache.org/documentation/#record (read
 * 2026-11-24). What a record holds is checked here and read when it is asked for: of the two buffers that kafkajs makes
 * of each record one is hardly ever used, and a hundred thousand of them are kept until their range is stored.
 * Throws RangeError where the bytes are no records.
 */
export function appendRecords(into: FetchedRecord[], run: RecordRun, position: number): void {
  const { bytes, firstOffset, lastOffset } = run;
  const cursor = new ByteCursor(bytes, 0);
  let before = firstOffset - 1;
  for (let index = 0; index < run.records; index++) {
    const length = cursor.varint();
    const start = cursor.position;
    const end = start + length;
    cursor.position += ATTRIBUTES_BYTES;
    cursor.skip();
    const offset = firstOffset + cursor.varint();
    cursor.skipBytes();
    const valueAt = cursor.position;
    cursor.skipBytes();
    // What is left are headers, which nobody here reads.
    if (cursor.position > end || end > bytes.length) {
      throw new RangeError(`record ${index} of ${run.records} ends behind its bounds`);
    }
    if (offset <= before || offset > lastOffset) {
      throw new RangeError(`record ${index} of ${run.records} has offset ${offset} behind ${before}`);
    }
    before = offset;
    cursor.position = end;
    if (offset >= position) {
      into.push(new RunRecord(run, { offset, start, valueAt }));
    }
  }
  if (cursor.position !== bytes.length) {
    throw new RangeError(`there are more bytes than ${run.records} records`);
  }
}

/** A record that stands in its run, and makes a view only of what is asked for. */
class RunRecord implements FetchedRecord {
  readonly offset: number;
  readonly #run: RecordRun;
  readonly #start: number;
  /** Where the length of its value stands. */
  readonly #valueAt: number;

  constructor(
    run: RecordRun,
    { offset, start, valueAt }: { offset: number; start: number; valueAt: number },
  ) {
    this.offset = offset;
    this.#run = run;
    this.#start = start;
    this.#valueAt = valueAt;
  }

  get timestampMs(): number {
    const { bytes, firstTimestampMs, appendedAtMs } = this.#run;
    return appendedAtMs ?? firstTimestampMs + new ByteCursor(bytes, this.#start + ATTRIBUTES_BYTES).varlong();
  }

  get key(): Buffer | null {
    const cursor = new ByteCursor(this.#run.bytes, this.#start + ATTRIBUTES_BYTES);
    cursor.skip();
    cursor.skip();
    return readBytes(this.#run.bytes, cursor);
  }

  get value(): Buffer | null {
    return readBytes(this.#run.bytes, new ByteCursor(this.#run.bytes, this.#valueAt));
  }
}

/** A record's own attributes, of which none is defined. */
const ATTRIBUTES_BYTES = 1;

function readBytes(bytes: Buffer, cursor: ByteCursor): Buffer | null {
  const length = cursor.varint();
  return length < 0 ? null : bytes.subarray(cursor.position, cursor.position + length);
}
