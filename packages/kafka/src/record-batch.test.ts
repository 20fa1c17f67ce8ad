import fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import { beforeAll, describe, expect, it } from 'vitest';
import { crc32c, crc32cTables } from './crc-32c.ts';
import { loadInternal } from './kafkajs-internals.ts';
import { patchKafkajs } from './kafkajs-patches.ts';
import { HEADER_BYTES, RecordBatchBuilder, recordBytesMost } from './record-batch.ts';

/** kafkajs's own reader is the oracle of what is written here. */
interface DecodedBatch {
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly records: readonly KafkaMessage[];
}

async function decode(bytes: Buffer): Promise<DecodedBatch> {
  const Decoder = loadInternal<new (buffer: Buffer) => object>('protocol/decoder');
  const decodeBatch = loadInternal<(decoder: object) => Promise<DecodedBatch>>(
    'protocol/recordBatch/v0/decoder',
  );
  return decodeBatch(new Decoder(bytes));
}

interface Entry {
  readonly key: string | null;
  readonly value: Uint8Array;
}

function append(builder: RecordBatchBuilder, { key, value }: Entry): void {
  builder.append(key, key === null ? -1 : Buffer.byteLength(key), value);
}

beforeAll(patchKafkajs);

describe('RecordBatchBuilder', () => {
  const entries = fc.array(
    fc.record({
      key: fc.option(fc.string({ unit: 'binary', maxLength: 40 }), { nil: null }),
      value: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 9_000 }).map(Buffer.alloc)),
    }),
    { minLength: 1, maxLength: 80 },
  );

  it.each([
    ['compressed', 1],
    ['plain', Number.POSITIVE_INFINITY],
  ])('writes %s batches that kafkajs reads back, one after the other', async (_name, compressBytesMin) => {
    await fc.assert(
      fc.asyncProperty(entries, async (list) => {
        const builder = new RecordBatchBuilder({ batchBytesMax: 1_000_000, compressBytesMin });
        for (const timestampMs of [1_700_000_000_123, 1_800_000_000_456]) {
          for (const entry of list) {
            append(builder, entry);
          }
          const { bytes, records } = builder.seal(timestampMs);
          expect(records).toBe(list.length);
          const decoded = await decode(bytes);
          expect(decoded).toMatchObject({
            firstTimestamp: String(timestampMs),
            maxTimestamp: String(timestampMs),
            lastOffsetDelta: list.length - 1,
            producerId: '-1',
          });
          expect(decoded.records.map(({ offset }) => Number(offset))).toEqual([...list.keys()]);
          for (const [index, { key, value }] of list.entries()) {
            const record = decoded.records[index];
            expect(record?.key?.toString() ?? null).toBe(key);
            expect(record?.value?.equals(Buffer.from(value))).toBe(true);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('puts the checksum of everything behind it into the header', () => {
    const builder = new RecordBatchBuilder({ batchBytesMax: 10_000, compressBytesMin: 1_000 });
    append(builder, { key: 'org', value: Buffer.alloc(3_000, 'usage ') });
    const { bytes } = builder.seal(0);
    expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes, 21, crc32cTables()));
    expect(bytes.readInt32BE(8)).toBe(bytes.length - 12);
  });

  it('compresses from its bound on, and not where that would not be smaller', () => {
    const builder = new RecordBatchBuilder({ batchBytesMax: 100_000, compressBytesMin: 2_000 });
    const attributesOf = (value: Buffer) => {
      append(builder, { key: null, value });
      return builder.seal(0).bytes.readInt16BE(21);
    };
    expect(attributesOf(Buffer.alloc(1_900))).toBe(0);
    expect(attributesOf(Buffer.alloc(2_100))).toBe(4);
    expect(attributesOf(crypto.getRandomValues(Buffer.alloc(2_100)))).toBe(0);
  });

  it('never takes more bytes for a record than it foretold, and never grows beyond its bound', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const builder = new RecordBatchBuilder({ batchBytesMax: 9_500, compressBytesMin: 1e9 });
        for (const entry of list) {
          const keyBytes = entry.key === null ? -1 : Buffer.byteLength(entry.key);
          const most = recordBytesMost(keyBytes, entry.value.length);
          if (!builder.fits(most)) {
            expect(builder.seal(0).bytes.length).toBeLessThanOrEqual(9_500);
          }
          const before = builder.recordBytes;
          append(builder, entry);
          expect(builder.recordBytes - before).toBeLessThanOrEqual(most);
          expect(builder.recordBytes + HEADER_BYTES).toBeLessThanOrEqual(9_500);
        }
      }),
    );
  });

  it('leaves a sealed batch alone when it builds the next', () => {
    const builder = new RecordBatchBuilder({ batchBytesMax: 10_000, compressBytesMin: 1e9 });
    append(builder, { key: null, value: Buffer.from('first') });
    const { bytes } = builder.seal(0);
    const copy = Buffer.from(bytes);
    append(builder, { key: null, value: Buffer.from('other') });
    builder.seal(1);
    expect(bytes).toEqual(copy);
  });
});
