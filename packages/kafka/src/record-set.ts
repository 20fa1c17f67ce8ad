import { type BatchHeader, readBatchHeader, readInt64, readProducerId } from './batch-header.ts';
import { ByteCursor } from './byte-cursor.ts';
import { KafkaError } from './errors.ts';
import { HEADER_BYTES } from './record-batch.ts';
import { INFLATED_BYTES_MAX, inflateRecords } from './record-codec.ts';
import { RecordList } from './record-list.ts';
import { type RecordRun, readRun } from './record-run.ts';

/** What an answer to a fetch holds of one Kafka partition. */
export interface RecordSet {
  /** At the position asked for and behind it, without control records and aborted ones. */
  readonly records: RecordList;
  /** Behind everything that came, records left out included; the position asked for where nothing came. */
  readonly nextOffset: number;
  /** What the records keep in memory: their batches, inflated. */
  readonly bytes: number;
  /** Why nothing can be read at the position: code `unreadable_batch`; `null` = all is well. */
  readonly fault: KafkaError | null;
}

export interface RecordSetContext {
  /** The offset that was asked for: a batch that holds it begins before it. */
  readonly position: number;
  /** As the broker lists them for what it sent; in any order. */
  readonly aborted: readonly AbortedTransaction[];
  /** A batch that would inflate beyond it with those before it is left for the next fetch; one that does so alone is a fault. @default 256 MB */
  readonly inflatedBytesMax?: number;
}

interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

/**
 * Reads the record batches that a broker sent, one behind the other; the last one may be cut off, and is left for the
 * next fetch. Where one cannot be read, the set ends before it, so that the fault shows once it stands at the front.
 *
 * Checksums are not looked at, as kafkajs does not: CRC-32C in JavaScript costs 0.27 µs an event of 565 bytes
 * where all else together costs 0.9 (2026-11-24), TCP has a checksum, and the broker checked the batch when it took it.
 */
export function readRecordSet(bytes: Buffer, context: RecordSetContext): RecordSet {
  const reader = new SetReader(bytes, context);
  try {
    reader.readAll();
  } catch (error) {
    if (reader.nextOffset === context.position) {
      return reader.toSet(unreadable(reader.offset, error));
    }
  }
  return reader.toSet(null);
}

class SetReader {
  readonly #bytes: Buffer;
  readonly #position: number;
  readonly #aborted: AbortedRecords;
  readonly #inflatedBytesMax: number;
  readonly #runs: RecordRun[] = [];
  #inflatedBytes = 0;
  /** Behind the batch before. */
  #readTo = 0;
  nextOffset: number;
  /** First offset of the batch in hand. */
  offset = 0;

  constructor(bytes: Buffer, { position, aborted, inflatedBytesMax = INFLATED_BYTES_MAX }: RecordSetContext) {
    this.#bytes = bytes;
    this.#position = position;
    this.#aborted = new AbortedRecords(aborted);
    this.#inflatedBytesMax = inflatedBytesMax;
    this.nextOffset = position;
  }

  toSet(fault: KafkaError | null): RecordSet {
    const { nextOffset } = this;
    const whole = new RecordList(this.#runs);
    const records = whole.slice(whole.indexFrom(this.#position));
    return { records, nextOffset, bytes: this.#inflatedBytes, fault };
  }

  /** Throws at the first batch that cannot be read, with what stands before it in hand. */
  readAll(): void {
    const bytes = this.#bytes;
    for (let start = 0; start + MAGIC_POSITION < bytes.length; ) {
      this.offset = readInt64(bytes, start);
      const length = bytes.readInt32BE(start + LENGTH_POSITION);
      const end = start + LENGTH_END + length;
      if (end > bytes.length) {
        return;
      }
      this.#readBatch(start, end);
      start = end;
    }
  }

  #readBatch(start: number, end: number): void {
    const magic = this.#bytes[start + MAGIC_POSITION];
    if (magic !== MAGIC) {
      throw new RangeError(`it is of message format ${magic}, and only format ${MAGIC} is read here`);
    }
    if (end - start < HEADER_BYTES) {
      throw new RangeError('it is shorter than its own header');
    }
    const header = readBatchHeader(this.#bytes, start);
    const { firstOffset, lastOffset } = header;
    if (firstOffset < this.#readTo || lastOffset < firstOffset || !Number.isSafeInteger(lastOffset)) {
      throw new RangeError(`it spans ${firstOffset} to ${lastOffset}, behind ${this.#readTo - 1}`);
    }
    this.#readTo = lastOffset + 1;
    const isLeftOut = this.#aborted.has(header, this.#bytes.subarray(start, end));
    if (lastOffset < this.#position) {
      return;
    }
    if (!isLeftOut && !header.isControl) {
      const bytesLeft = this.#inflatedBytesMax - this.#inflatedBytes;
      const packed = this.#bytes.subarray(start + HEADER_BYTES, end);
      const inflated = inflateRecords(packed, header.codec, bytesLeft);
      this.#runs.push(readRun({ ...header, bytes: inflated }));
      this.#inflatedBytes += inflated.length;
    }
    this.nextOffset = lastOffset + 1;
  }
}

/** Tells the batches of aborted transactions: from a transaction's first offset to the marker of its end. */
class AbortedRecords {
  readonly #coming: { readonly producerId: string; readonly firstOffset: number }[];
  readonly #open = new Set<string>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = aborted
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
      .toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Batches are to come in the order of the log. */
  has({ lastOffset, isTransactional, isControl }: BatchHeader, batch: Buffer): boolean {
    for (
      let next = this.#coming[0];
      next !== undefined && next.firstOffset <= lastOffset;
      next = this.#coming[0]
    ) {
      this.#open.add(next.producerId);
      this.#coming.shift();
    }
    if (this.#open.size === 0 || !isTransactional) {
      return false;
    }
    const producerId = readProducerId(batch, 0);
    if (isControl && isAbortMarker(batch)) {
      this.#open.delete(producerId);
    }
    return this.#open.has(producerId);
  }
}

const LENGTH_POSITION = 8;
/** The length counts from here on. */
const LENGTH_END = 12;
const MAGIC_POSITION = 16;
const MAGIC = 2;

/** The key of a control record: its version, then its kind, of which 0 is an abort. */
function isAbortMarker(batch: Buffer): boolean {
  const cursor = new ByteCursor(batch, HEADER_BYTES);
  cursor.skip(); // length
  cursor.position += 1; // attributes
  cursor.skip(); // timestamp
  cursor.skip(); // offset
  const keyBytes = cursor.varint();
  return keyBytes >= 4 && batch.readInt16BE(cursor.position + 2) === 0;
}

function unreadable(offset: number, cause: unknown): KafkaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `the record batch at offset ${offset} cannot be read: ${reason}`;
  return new KafkaError(message, { code: 'unreadable_batch', retryable: false, cause });
}
