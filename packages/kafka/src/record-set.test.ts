import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBatch, markerBatch, plainBatch, type TestBatch, testRecord } from './batch-for-test.ts';
import { RecordList } from './record-list.ts';
import { readRecordSet } from './record-set.ts';

const NONE_ABORTED = { position: 0, aborted: [] };
const NO_RECORDS = RecordList.of([]);

function read(batches: readonly TestBatch[], context: Partial<Parameters<typeof readRecordSet>[1]> = {}) {
  return readRecordSet(Buffer.concat(batches.map(encodeBatch)), { ...NONE_ABORTED, ...context });
}

function valuesOf({ records }: ReturnType<typeof readRecordSet>) {
  return Array.from(records, ({ value }) => value?.toString());
}

const bytes = (maxLength: number) => fc.option(fc.uint8Array({ maxLength }), { nil: null });

/** Batches one behind the other, with gaps in and between them, as compaction leaves them. */
const log = fc
  .array(
    fc.record({
      gap: fc.nat({ max: 300 }),
      codec: fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const),
      isAppendTime: fc.boolean(),
      firstTimestampMs: fc.nat({ max: 2_000_000_000_000 }),
      maxTimestampMs: fc.nat({ max: 2_000_000_000_000 }),
      tail: fc.nat({ max: 5 }),
      records: fc.array(
        fc.record({
          step: fc.integer({ min: 1, max: 200 }),
          timestampDelta: fc.integer({ min: -1_000_000_000, max: 1_000_000_000_000 }),
          key: bytes(40),
          value: fc.oneof(bytes(300), fc.integer({ min: 8_000, max: 9_000 }).map(Buffer.alloc)),
          headers: fc.array(fc.tuple(fc.string({ maxLength: 9 }), bytes(9)), { maxLength: 2 }),
        }),
        { maxLength: 20 },
      ),
    }),
    { maxLength: 5 },
  )
  .map((drafts) => {
    let next = 0;
    return drafts.map(({ gap, tail, records, ...header }): TestBatch => {
      const firstOffset = next + gap;
      let offsetDelta = -1;
      const placed = records.map(({ step, ...record }) => {
        offsetDelta += step;
        return { ...record, offsetDelta };
      });
      const lastOffsetDelta = Math.max(0, offsetDelta) + tail;
      next = firstOffset + lastOffsetDelta + 1;
      return { ...plainBatch(firstOffset, []), ...header, lastOffsetDelta, records: placed };
    });
  });

/** What a reader that knows the batches themselves would say. */
function recordsFrom(position: number, batches: readonly TestBatch[]) {
  return batches
    .flatMap(({ firstOffset, firstTimestampMs, maxTimestampMs, isAppendTime, records }) =>
      records.map(({ offsetDelta, timestampDelta, key, value }) => ({
        offset: firstOffset + offsetDelta,
        timestampMs: isAppendTime ? maxTimestampMs : firstTimestampMs + timestampDelta,
        key: key === null ? null : Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
      })),
    )
    .filter(({ offset }) => offset >= position);
}

describe('readRecordSet', () => {
  it('reads every record at the position and behind it, and goes on behind the last batch', () => {
    fc.assert(
      fc.property(log, fc.nat({ max: 2_000 }), (batches, position) => {
        const set = read(batches, { position });
        const records = Array.from(set.records, ({ offset, timestampMs, key, value }) => ({
          offset,
          timestampMs,
          key,
          value,
        }));
        expect(records).toEqual(recordsFrom(position, batches));
        const last = batches.at(-1);
        const end = last === undefined ? 0 : last.firstOffset + last.lastOffsetDelta + 1;
        expect(set).toMatchObject({ nextOffset: Math.max(position, end), fault: null });
      }),
      { numRuns: 300 },
    );
  });

  it('leaves a batch that is cut off, wherever, for the next fetch', () => {
    const whole = encodeBatch(plainBatch(5, ['a', 'b'], { codec: 'zstd' }));
    const second = encodeBatch(plainBatch(7, ['c', 'd']));
    for (let length = 0; length < second.length; length++) {
      const set = readRecordSet(Buffer.concat([whole, second.subarray(0, length)]), {
        position: 5,
        aborted: [],
      });
      expect({ ...set, records: valuesOf(set) }).toMatchObject({ records: ['a', 'b'], nextOffset: 7 });
    }
    for (let length = 0; length < whole.length; length++) {
      const nothing = readRecordSet(whole.subarray(0, length), { position: 5, aborted: [] });
      expect(nothing).toEqual({ records: NO_RECORDS, nextOffset: 5, bytes: 0, fault: null });
    }
  });

  it('passes over batches that compaction has emptied', () => {
    const set = read([plainBatch(10, [], { lastOffsetDelta: 9 })], { position: 12 });
    expect(set).toEqual({ records: NO_RECORDS, nextOffset: 20, bytes: 0, fault: null });
  });

  it('leaves out markers, and the records of aborted transactions among others, in any order of the list', () => {
    const part = (offset: number, value: string, producerId: bigint) =>
      plainBatch(offset, [value], { isTransactional: true, producerId });
    const batches = [
      part(10, 'first, aborted', 1n),
      part(11, 'second, committed', 2n),
      plainBatch(12, ['none'], { producerId: 1n }),
      markerBatch(13, 'commit', 2n),
      part(14, 'third, aborted', 3n),
      markerBatch(15, 'abort', 1n),
      part(16, 'first again, committed', 1n),
      markerBatch(17, 'abort', 3n),
      markerBatch(18, 'commit', 1n),
    ];
    const aborted = [
      { producerId: '3', firstOffset: '14' },
      { producerId: '1', firstOffset: '4' },
    ];
    const set = read(batches, { position: 10, aborted });
    expect(valuesOf(set)).toEqual(['second, committed', 'none', 'first again, committed']);
    expect(set.nextOffset).toBe(19);
  });

  it('knows several transactions aborted that began before what was fetched', () => {
    const part = (offset: number, producerId: bigint) =>
      plainBatch(offset, ['aborted'], { isTransactional: true, producerId });
    const aborted = [1, 2, 3].map((id) => ({ producerId: String(id), firstOffset: String(id) }));
    const set = read([part(10, 3n), part(11, 2n), part(12, 1n)], { position: 10, aborted });
    expect(set).toEqual({ records: NO_RECORDS, nextOffset: 13, bytes: 0, fault: null });
  });

  it.each([
    ['compressed with snappy', { codec: 'snappy' as const }],
    ['compressed with lz4', { codec: 'lz4' as const }],
    ['of message format 1', { magic: 1 }],
    ['of message format 0', { magic: 0 }],
  ])('says with a code that the batch at the position is %s', (reason, more) => {
    const { fault, ...set } = read([plainBatch(40, ['a'], more)], { position: 40 });
    expect(fault).toMatchObject({ code: 'unreadable_batch', retryable: false });
    expect(fault?.message).toContain(`the record batch at offset 40 cannot be read: it is ${reason}`);
    expect(set).toEqual({ records: NO_RECORDS, nextOffset: 40, bytes: 0 });
  });

  it('gives what stands before a batch that cannot be read, which shows at the next fetch', () => {
    const batches = [plainBatch(40, ['a', 'b']), plainBatch(42, ['c'], { codec: 'snappy' })];
    const set = read(batches, { position: 41 });
    expect(valuesOf(set)).toEqual(['b']);
    expect(set).toMatchObject({ nextOffset: 42, fault: null });
    expect(read(batches.slice(1), { position: 42 }).fault).toMatchObject({ code: 'unreadable_batch' });
  });

  it.each(['gzip' as const, 'zstd' as const])(
    'takes a batch of %s that inflates to the bound, and no byte more',
    (codec) => {
      const batch = plainBatch(40, ['a'.repeat(5_000)], { codec });
      const inflatedBytes = read([{ ...batch, codec: 'none' }], { position: 40 }).bytes;
      const fits = read([batch], { position: 40, inflatedBytesMax: inflatedBytes });
      expect(fits).toMatchObject({ nextOffset: 41, bytes: inflatedBytes, fault: null });
      const { fault, ...set } = read([batch], { position: 40, inflatedBytesMax: inflatedBytes - 1 });
      expect(fault).toMatchObject({ code: 'unreadable_batch', retryable: false });
      expect(fault?.message).toBe(
        `the record batch at offset 40 cannot be read: it inflates to more than ${inflatedBytes - 1} bytes`,
      );
      expect(set).toEqual({ records: NO_RECORDS, nextOffset: 40, bytes: 0 });
    },
  );

  it.each([
    ['gzip' as const, (whole: Buffer) => whole.writeUInt32LE(1, whole.length - 4)],
    // The size of a frame of one segment, in two bytes behind its descriptor.
    ['zstd' as const, (whole: Buffer) => whole.writeUInt16LE(0, 61 + 5)],
  ])('inflates nothing beyond the bound where a batch of %s claims to be small', (codec, claim) => {
    const whole = encodeBatch(plainBatch(40, ['a'.repeat(5_000)], { codec }));
    claim(whole);
    const { fault, bytes: kept } = readRecordSet(whole, { position: 40, aborted: [], inflatedBytesMax: 300 });
    expect(fault).toMatchObject({ code: 'unreadable_batch' });
    expect(kept).toBe(0);
  });

  it('leaves a batch that inflates beyond the bound with those before it for the next fetch', () => {
    const value = 'a'.repeat(100);
    const batches = (['gzip', 'zstd', 'gzip', 'none', 'zstd'] as const).map((codec, index) =>
      plainBatch(40 + index, [value], { codec }),
    );
    const one = read(batches.slice(0, 1), { position: 40 }).bytes;
    for (let count = 1; count <= 3; count++) {
      for (const more of [0, one - 1]) {
        const set = read(batches, { position: 40, inflatedBytesMax: count * one + more });
        // What is not compressed takes no more than the answer did.
        const nextOffset = count < 3 ? 40 + count : 44;
        expect(set).toMatchObject({ nextOffset, bytes: (nextOffset - 40) * one, fault: null });
      }
    }
    expect(read(batches.slice(1), { position: 41, inflatedBytesMax: one }).nextOffset).toBe(42);
  });

  it.each([
    ['more records than there are', (whole: Buffer) => whole.writeInt32BE(3, 57)],
    ['fewer records than there are', (whole: Buffer) => whole.writeInt32BE(1, 57)],
    ['less than no records', (whole: Buffer) => whole.writeInt32BE(-1, 57)],
    ['a last offset before its records', (whole: Buffer) => whole.writeInt32BE(0, 23)],
    ['a length below that of a header', (whole: Buffer) => whole.writeInt32BE(40, 8)],
    ['a value longer than its record', (whole: Buffer) => whole.writeUInt8(40, 66)],
    ['a record without an end', (whole: Buffer) => whole.fill(0xff, 61)],
  ])('reads nothing of a batch that claims %s', (_, damage) => {
    const whole = encodeBatch(plainBatch(5, ['aa', 'bb']));
    damage(whole);
    const { fault, records } = readRecordSet(whole, { position: 5, aborted: [] });
    expect(fault).toMatchObject({ code: 'unreadable_batch' });
    expect(records).toHaveLength(0);
  });

  it('never throws, and gives rising offsets from the position on, whatever the bytes are', () => {
    const damaged = fc.tuple(log, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 6 }));
    fc.assert(
      fc.property(damaged, fc.nat({ max: 500 }), ([batches, changes], position) => {
        const whole = Buffer.concat(batches.map(encodeBatch));
        for (const [at, byte] of changes) {
          if (whole.length > 0) {
            whole[at % whole.length] = byte;
          }
        }
        const { records, nextOffset } = readRecordSet(whole, { position, aborted: [] });
        let before = position - 1;
        for (const { offset, key, value, timestampMs } of records) {
          expect(typeof timestampMs).toBe('number');
          expect((key?.length ?? 0) + (value?.length ?? 0)).toBeGreaterThanOrEqual(0);
          expect(offset).toBeGreaterThan(before);
          before = offset;
        }
        expect(nextOffset).toBeGreaterThan(before);
      }),
      { numRuns: 500 },
    );
  });

  it('counts the bytes that its records keep in memory, and copies them out of the answer', () => {
    const answer = encodeBatch(plainBatch(0, ['aaaa', 'bbbb']));
    const set = readRecordSet(answer, NONE_ABORTED);
    expect(set.bytes).toBe(answer.length - 61);
    answer.fill(0);
    expect(valuesOf(set)).toEqual(['aaaa', 'bbbb']);
  });

  it('reads numbers of the longest kind', () => {
    const record = { ...testRecord(0x7fff_fffe, Buffer.alloc(0)), timestampDelta: -(2 ** 52) };
    const batch = plainBatch(2 ** 40, [], { firstTimestampMs: 2 ** 52 + 7, lastOffsetDelta: 0x7fff_ffff });
    const [only] = read([{ ...batch, records: [record] }]).records;
    expect(only).toMatchObject({ offset: 2 ** 40 + 0x7fff_fffe, timestampMs: 7, key: null });
    expect(only?.value).toHaveLength(0);
  });
});
