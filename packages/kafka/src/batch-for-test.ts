import { gzipSync, zstdCompressSync } from 'node:zlib';
import { crc32c, crc32cTables } from './crc-32c.ts';

/** For the tests of this package: a record as Kafka's description of message format 2 has it. */
export interface TestRecord {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

export interface TestBatch {
  readonly firstOffset: number;
  readonly firstTimestampMs: number;
  readonly maxTimestampMs: number;
  /** Compaction leaves it where it was. */
  readonly lastOffsetDelta: number;
  readonly codec: 'none' | 'gzip' | 'zstd' | 'snappy' | 'lz4';
  readonly isAppendTime: boolean;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly producerId: bigint;
  readonly magic: number;
  readonly records: readonly TestRecord[];
}

const PLAIN: Omit<TestBatch, 'records' | 'firstOffset'> = {
  firstTimestampMs: 1_000,
  maxTimestampMs: 9_000,
  lastOffsetDelta: 0,
  codec: 'none',
  isAppendTime: false,
  isTransactional: false,
  isControl: false,
  producerId: -1n,
  magic: 2,
};

/** Records at offsets beside one another, by their values. */
export function plainBatch(
  firstOffset: number,
  values: readonly string[],
  more: Partial<TestBatch> = {},
): TestBatch {
  const records = values.map((value, index) => testRecord(index, Buffer.from(value)));
  return { ...PLAIN, firstOffset, lastOffsetDelta: values.length - 1, records, ...more };
}

/** The marker that ends a transaction. */
export function markerBatch(offset: number, end: 'abort' | 'commit', producerId: bigint): TestBatch {
  const key = Buffer.from([0, 0, 0, end === 'abort' ? 0 : 1]);
  const records = [{ ...testRecord(0, Buffer.alloc(6)), key }];
  return { ...PLAIN, firstOffset: offset, isTransactional: true, isControl: true, producerId, records };
}

/** Written for itself, byte list by byte list and with BigInt, so that it shares no mistake with what it tests. */
export function encodeBatch(batch: TestBatch): Buffer {
  const records = Buffer.concat(batch.records.map(encodeRecord));
  const body = Buffer.concat([
    int(4, -1),
    int(1, batch.magic),
    int(4, 0),
    int(2, attributesOf(batch)),
    int(4, batch.lastOffsetDelta),
    int(8, batch.firstTimestampMs),
    int(8, batch.maxTimestampMs),
    int(8, batch.producerId),
    int(2, 0),
    int(4, 0),
    int(4, batch.records.length),
    compress(records, batch.codec),
  ]);
  const bytes = Buffer.concat([int(8, batch.firstOffset), int(4, body.length), body]);
  bytes.writeUInt32BE(crc32c(bytes, 21, crc32cTables()), 17);
  return bytes;
}

export function testRecord(offsetDelta: number, value: Uint8Array | null): TestRecord {
  return { offsetDelta, timestampDelta: 0, key: null, value, headers: [] };
}

const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

function attributesOf({ codec, isAppendTime, isTransactional, isControl }: TestBatch): number {
  return CODECS[codec] + (isAppendTime ? 8 : 0) + (isTransactional ? 16 : 0) + (isControl ? 32 : 0);
}

function compress(records: Buffer, codec: TestBatch['codec']): Buffer {
  switch (codec) {
    case 'gzip':
      return gzipSync(records);
    case 'zstd':
      return zstdCompressSync(records);
    case 'snappy':
      return snappy(records);
    default:
      return records;
  }
}

/** One block of one literal, in the framing of snappy-java, which is the one that Kafka takes. */
function snappy(records: Buffer): Buffer {
  const block = Buffer.concat([Buffer.from([records.length, (records.length - 1) << 2]), records]);
  const frame = Buffer.from('\x82SNAPPY\0', 'latin1');
  return Buffer.concat([frame, int(4, 1), int(4, 1), int(4, block.length), block]);
}

function encodeRecord({ offsetDelta, timestampDelta, key, value, headers }: TestRecord): Buffer {
  const body = Buffer.concat([
    int(1, 0),
    zigzag(timestampDelta),
    zigzag(offsetDelta),
    sized(key),
    sized(value),
    zigzag(headers.length),
    ...headers.flatMap(([name, content]) => [sized(Buffer.from(name)), sized(content)]),
  ]);
  return Buffer.concat([zigzag(body.length), body]);
}

function sized(bytes: Uint8Array | null): Buffer {
  return bytes === null ? zigzag(-1) : Buffer.concat([zigzag(bytes.length), bytes]);
}

function int(bytes: number, value: number | bigint): Buffer {
  const unsigned = BigInt.asUintN(bytes * 8, BigInt(value));
  return Buffer.from(unsigned.toString(16).padStart(bytes * 2, '0'), 'hex');
}

function zigzag(value: number): Buffer {
  let rest = value < 0 ? BigInt(value) * -2n - 1n : BigInt(value) * 2n;
  const bytes: number[] = [];
  for (; rest > 127n; rest /= 128n) {
    bytes.push(Number(rest % 128n) + 128);
  }
  return Buffer.from([...bytes, Number(rest)]);
}
