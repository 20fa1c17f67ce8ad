import { ByteCursor } from './byte-cursor.ts';
import type { PlacedRecord } from './fetched-record.ts';

/** The bytes of one record batch's records, inflated, and what its header says of them. */
export interface RecordBytes {
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
 * Records that stand beside one another in one record batch: its bytes, and a few numbers for each record, which say
 * where it stands. An object of each would outlive several collections, since a hundred thousand of them wait until
 * their range is stored; here one is made when it is asked for, and is gone at once.
 */
export class RecordRun {
  readonly length: number;
  readonly #source: RecordBytes;
  readonly #places: Int32Array;

  /** `places` holds `PLACE_NUMBERS` numbers for each record, as {@link readRun} finds them. */
  constructor(source: RecordBytes, places: Int32Array) {
    this.length = places.length / PLACE_NUMBERS;
    this.#source = source;
    this.#places = places;
  }

  /** The record at an index below `length`. */
  at(index: number): PlacedRecord {
    return new RunRecord(this.#source, this.#places, index * PLACE_NUMBERS);
  }

  /** The offset of the record at an index below `length`. */
  offsetAt(index: number): number {
    return this.#source.firstOffset + (this.#places[index * PLACE_NUMBERS + OFFSET] ?? 0);
  }

  /** A view of the records `[from, to)`. */
  slice(from: number, to: number): RecordRun {
    if (from === 0 && to === this.length) {
      return this;
    }
    return new RecordRun(this.#source, this.#places.subarray(from * PLACE_NUMBERS, to * PLACE_NUMBERS));
  }
}

/**
 * Finds the records in a batch's bytes. Layout: https://kafka.apache.org/documentation/#record (read 2026-11-24).
 * Throws RangeError where the bytes are no records, or not of rising offsets within the batch's own.
 */
export function readRun(source: RecordBytes): RecordRun {
  const { bytes, records, firstOffset, lastOffset } = source;
  if (records < 0 || records > bytes.length / RECORD_BYTES_MIN) {
    throw new RangeError(`${bytes.length} bytes cannot be ${records} records`);
  }
  const places = new Int32Array(records * PLACE_NUMBERS);
  const cursor = new ByteCursor(bytes, 0);
  let before = firstOffset - 1;
  for (let index = 0; index < records; index++) {
    const length = cursor.varint();
    const start = cursor.position;
    const end = start + length;
    const timestampAt = start + ATTRIBUTES_BYTES;
    cursor.position = timestampAt;
    cursor.skip();
    const offset = firstOffset + cursor.varint();
    cursor.skipBytes();
    const valueBytes = cursor.varint();
    const valueAt = cursor.position;
    cursor.position += Math.max(0, valueBytes);
    // What is left are headers, which nobody here reads.
    if (cursor.position > end || end > bytes.length) {
      throw new RangeError(`record ${index} of ${records} ends behind its bounds`);
    }
    if (offset <= before || offset > lastOffset) {
      throw new RangeError(`record ${index} of ${records} has offset ${offset} behind ${before}`);
    }
    before = offset;
    cursor.position = end;
    const at = index * PLACE_NUMBERS;
    places[at + OFFSET] = offset - firstOffset;
    places[at + TIMESTAMP_AT] = timestampAt;
    places[at + VALUE_AT] = valueAt;
    places[at + VALUE_BYTES] = valueBytes;
  }
  if (cursor.position !== bytes.length) {
    throw new RangeError(`there are more bytes than ${records} records`);
  }
  return new RecordRun(source, places);
}

/** The numbers of a record, in their order: its offset less the batch's first. */
const OFFSET = 0;
/** Where its own timestamp stands, and its offset and its key behind that. */
const TIMESTAMP_AT = 1;
/** Where its value begins. */
const VALUE_AT = 2;
/** Its value's length; negative = it has none. */
const VALUE_BYTES = 3;
const PLACE_NUMBERS = 4;

/** A record that stands in its batch's bytes, and makes a view only of what is asked for. */
class RunRecord implements PlacedRecord {
  readonly #source: RecordBytes;
  readonly #places: Int32Array;
  /** Where its own numbers begin. */
  readonly #at: number;

  constructor(source: RecordBytes, places: Int32Array, at: number) {
    this.#source = source;
    this.#places = places;
    this.#at = at;
  }

  get offset(): number {
    return this.#source.firstOffset + this.#place(OFFSET);
  }

  get timestampMs(): number {
    const { bytes, firstTimestampMs, appendedAtMs } = this.#source;
    return appendedAtMs ?? firstTimestampMs + new ByteCursor(bytes, this.#place(TIMESTAMP_AT)).varlong();
  }

  get key(): Buffer | null {
    const { bytes } = this.#source;
    const cursor = new ByteCursor(bytes, this.#place(TIMESTAMP_AT));
    cursor.skip();
    cursor.skip();
    const keyBytes = cursor.varint();
    return viewOf(bytes, cursor.position, keyBytes);
  }

  get value(): Buffer | null {
    return viewOf(this.memory, this.valueAt, this.valueBytes);
  }

  get memory(): Buffer {
    return this.#source.bytes;
  }

  get valueAt(): number {
    return this.#place(VALUE_AT);
  }

  get valueBytes(): number {
    return this.#place(VALUE_BYTES);
  }

  #place(number: number): number {
    return this.#places[this.#at + number] ?? 0;
  }
}

/** A record's own attributes, of which none is defined. */
const ATTRIBUTES_BYTES = 1;
/** One byte each: length, attributes, timestamp, offset, key's length, value's length, number of headers. */
const RECORD_BYTES_MIN = 7;

function viewOf(bytes: Buffer, start: number, length: number): Buffer | null {
  return length < 0 ? null : bytes.subarray(start, start + length);
}
