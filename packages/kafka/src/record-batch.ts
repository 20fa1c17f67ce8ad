import { constants, zstdCompressSync } from 'node:zlib';
import { crc32c, crc32cTables } from './crc-32c.ts';

/** A finished record batch (Kafka's message format 2), as it travels inside a produce request. */
export interface ReadyBatch {
  readonly bytes: Buffer;
  readonly records: number;
}

export interface RecordBatchOptions {
  /** The batch never grows beyond this many bytes, its header of 61 included. */
  readonly batchBytesMax: number;
  /** Records of at least this many bytes together are compressed with zstd. */
  readonly compressBytesMin: number;
}

/**
 * Builds one record batch after another in a buffer of its own. kafkajs spends 18 µs a record on this with
 * an object and several small buffers each; this writes a record's bytes once, where they stay.
 * Values are copied in, so that the caller's slab is free as soon as `append` returns.
 * Layout: https://kafka.apache.org/documentation/#recordbatch (read 2026-11-24).
 */
export class RecordBatchBuilder {
  readonly #options: RecordBatchOptions;
  readonly #crcTables = crc32cTables();
  #buffer: Buffer;
  #position = HEADER_BYTES;
  #records = 0;

  constructor(options: RecordBatchOptions) {
    this.#options = options;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(FIRST_BUFFER_BYTES, options.batchBytesMax));
  }

  /** Bytes of the records so far, before compression and without the header. */
  get recordBytes(): number {
    return this.#position - HEADER_BYTES;
  }

  get records(): number {
    return this.#records;
  }

  /** Whether a record of this size still fits. */
  fits(recordBytes: number): boolean {
    return this.#position + recordBytes <= this.#options.batchBytesMax;
  }

  /** Appends a record that `fits`; `keyBytes` is the key's UTF-8 length, −1 for no key. */
  append(key: string | null, keyBytes: number, value: Uint8Array): void {
    const bodyBytes = recordBodyBytes(this.#records, keyBytes, value.length);
    this.#reserve(this.#position + varintBytes(bodyBytes) + bodyBytes);
    const buffer = this.#buffer;
    let position = writeVarint(buffer, this.#position, bodyBytes);
    buffer[position++] = 0; // attributes: none are defined
    buffer[position++] = 0; // timestamp delta: the batch has one time for all
    position = writeVarint(buffer, position, this.#records);
    position = writeVarint(buffer, position, keyBytes);
    if (key !== null) {
      position += buffer.write(key, position);
    }
    position = writeVarint(buffer, position, value.length);
    buffer.set(value, position);
    position += value.length;
    buffer[position++] = 0; // no headers
    this.#position = position;
    this.#records += 1;
  }

  /** The finished batch; the builder is empty again and the batch's bytes are never touched by it. */
  seal(timestampMs: number): ReadyBatch {
    const records = this.#records;
    const compressed = this.recordBytes >= this.#options.compressBytesMin ? this.#compress() : null;
    const bytes = compressed ?? this.#copy();
    writeHeader(bytes, { records, timestampMs, attributes: compressed === null ? 0 : ZSTD_ATTRIBUTE });
    bytes.writeUInt32BE(crc32c(bytes, CRC_START, this.#crcTables), CRC_POSITION);
    this.#position = HEADER_BYTES;
    this.#records = 0;
    return { bytes, records };
  }

  #compress(): Buffer | null {
    const packed = zstdCompressSync(this.#buffer.subarray(HEADER_BYTES, this.#position), ZSTD_OPTIONS);
    if (packed.length >= this.recordBytes) {
      return null;
    }
    const bytes = Buffer.allocUnsafeSlow(HEADER_BYTES + packed.length);
    bytes.set(packed, HEADER_BYTES);
    return bytes;
  }

  /** An exact copy: the builder's own buffer is larger and is used again at once. */
  #copy(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.#position);
    this.#buffer.copy(bytes, HEADER_BYTES, HEADER_BYTES, this.#position);
    return bytes;
  }

  #reserve(end: number): void {
    if (end <= this.#buffer.length) {
      return;
    }
    const length = Math.min(this.#options.batchBytesMax, Math.max(end, this.#buffer.length * 2));
    const larger = Buffer.allocUnsafeSlow(length);
    this.#buffer.copy(larger, 0, 0, this.#position);
    this.#buffer = larger;
  }
}

/** The greatest number of bytes that a record can take in a batch, whatever its place in it. */
export function recordBytesMost(keyBytes: number, valueBytes: number): number {
  const bodyBytes = recordBodyBytes(RECORDS_MOST, keyBytes, valueBytes);
  return varintBytes(bodyBytes) + bodyBytes;
}

/** Bytes of a batch before its first record. */
export const HEADER_BYTES = 61;
/** Enough for 25 ms of a busy proxy; it doubles when a batch needs more. */
const FIRST_BUFFER_BYTES = 65_536;
/** An empty record takes 7 bytes, so that a batch of a megabyte has fewer. */
const RECORDS_MOST = 0x1f_ffff;
const CRC_POSITION = 17;
/** The checksum covers everything from the attributes on. */
const CRC_START = 21;
const ZSTD_ATTRIBUTE = 4;
/** Level 1: the default 3 packed no better and took longer (batches of 20 and 75 kB, 2026-11-24). In place: a
 * thread of the pool costs more CPU than it takes away at these sizes. */
const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

interface Header {
  readonly records: number;
  readonly timestampMs: number;
  readonly attributes: number;
}

function writeHeader(bytes: Buffer, { records, timestampMs, attributes }: Header): void {
  bytes.fill(0, 0, 8); // first offset: the broker's to give
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(-1, 12); // partition leader epoch: the broker's
  bytes.writeInt8(2, 16); // message format
  bytes.writeInt16BE(attributes, 21);
  bytes.writeInt32BE(records - 1, 23);
  bytes.writeBigInt64BE(BigInt(timestampMs), 27);
  bytes.writeBigInt64BE(BigInt(timestampMs), 35);
  bytes.fill(0xff, 43, 57); // producer id, epoch and sequence −1: not idempotent
  bytes.writeInt32BE(records, 57);
}

function recordBodyBytes(offsetDelta: number, keyBytes: number, valueBytes: number): number {
  // Attributes, timestamp delta and header count take one byte each.
  const lengths = varintBytes(offsetDelta) + varintBytes(keyBytes) + varintBytes(valueBytes);
  return 3 + lengths + Math.max(0, keyBytes) + valueBytes;
}

function varintBytes(value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let bytes = 1;
  while (rest > 0x7f) {
    rest >>>= 7;
    bytes++;
  }
  return bytes;
}

/** Zigzag, then seven bits a byte, least significant first. */
function writeVarint(buffer: Buffer, position: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let next = position;
  while (rest > 0x7f) {
    buffer[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[next++] = rest;
  return next;
}
