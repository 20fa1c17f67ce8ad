import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleEvent } from './example-event.ts';
import { type BuiltEvent, builtBytes, FrameWriter } from './frame-writer.ts';
import { END_BYTES, type JournalRecord, segmentFile, segmentNumber } from './journal-format.ts';
import { readFrame } from './read-frame.ts';
import { readNote } from './read-note.ts';

const id = fc.uint8Array({ minLength: 16, maxLength: 16 });
const SEGMENT = 7;
const ordinal = fc.nat({ max: 2 ** 48 - 2 });

type Written =
  | { readonly type: 'noted'; readonly id: Uint8Array }
  | { readonly type: 'built'; readonly id: Uint8Array; readonly event: BuiltEvent }
  | { readonly type: 'settled'; readonly first: number }
  | { readonly type: 'dropped'; readonly id: Uint8Array };

const written: fc.Arbitrary<Written> = fc.oneof(
  fc.record({ type: fc.constant('noted' as const), id }),
  fc.record({ type: fc.constant('dropped' as const), id }),
  fc.record({ type: fc.constant('settled' as const), first: ordinal }),
  fc.record({
    type: fc.constant('built' as const),
    id,
    event: fc.record({
      ordinal,
      kafkaPartition: fc.nat({ max: 1_023 }),
      key: fc.option(
        fc.string({ unit: 'grapheme', maxLength: 64 }).map((text) => text.toWellFormed()),
        {
          nil: null,
        },
      ),
      value: fc.uint8Array({ maxLength: 600 }),
    }),
  }),
);

function write(frame: FrameWriter, entry: Written): void {
  switch (entry.type) {
    case 'noted':
      expect(frame.noted(exampleEvent({ eventId: entry.id }))).toBe(true);
      break;
    case 'built':
      frame.built(entry.id, entry.event);
      break;
    case 'settled':
      frame.settled({ first: entry.first, next: entry.first + 1 });
      break;
    case 'dropped':
      frame.dropped(entry.id);
  }
}

/** A copy of the finished frame, without the segment's end behind it. */
function sealed(frame: FrameWriter): Buffer {
  return Buffer.from(frame.seal(SEGMENT).subarray(0, -END_BYTES));
}

function expectSame(record: JournalRecord | undefined, entry: Written): void {
  expect(record?.type).toBe(entry.type);
  if (record?.type === 'noted' && entry.type === 'noted') {
    expect(Buffer.from(entry.id).equals(record.eventId)).toBe(true);
    const event = exampleEvent({ eventId: Buffer.from(entry.id) });
    expect(readNote(record, event)).toEqual(event);
  } else if (record?.type === 'built' && entry.type === 'built') {
    expect({ ...record, eventId: [...record.eventId], value: [...record.value] }).toEqual({
      type: 'built',
      ...entry.event,
      eventId: [...entry.id],
      value: [...entry.event.value],
    });
  } else if (record?.type === 'settled' && entry.type === 'settled') {
    expect(record).toEqual({ type: 'settled', first: entry.first, next: entry.first + 1 });
  } else if (record?.type === 'dropped' && entry.type === 'dropped') {
    expect([...record.eventId]).toEqual([...entry.id]);
  }
}

describe('frames', () => {
  it('give back what was written, one behind the other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(written, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
        (turns) => {
          const frame = new FrameWriter(65_536);
          const frames = turns.map((entries) => {
            for (const entry of entries) {
              write(frame, entry);
            }
            const bytes = sealed(frame);
            frame.clear();
            return bytes;
          });
          const bytes = Buffer.concat(frames);
          let position = 0;
          for (const entries of turns) {
            const result = readFrame(bytes, position, SEGMENT);
            if (result.kind !== 'frame') {
              throw new Error(result.kind);
            }
            expect(result.records.length).toBe(entries.length);
            for (const [index, entry] of entries.entries()) {
              expectSame(result.records[index], entry);
            }
            position = result.next;
          }
          expect(readFrame(bytes, position, SEGMENT).kind).toBe('incomplete');
        },
      ),
      { numRuns: 60 },
    );
  });

  it('cut off anywhere are incomplete, and never read as less than they were', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 1, maxLength: 5 }), (entries) => {
        const frame = new FrameWriter(65_536);
        for (const entry of entries) {
          write(frame, entry);
        }
        const bytes = sealed(frame);
        for (let length = 0; length < bytes.length; length++) {
          expect(readFrame(bytes.subarray(0, length), 0, SEGMENT).kind).toBe('incomplete');
        }
      }),
      { numRuns: 30 },
    );
  });

  it('with any byte changed are no frame, or an incomplete one', () => {
    fc.assert(
      fc.property(
        fc.array(written, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (entries, place, change) => {
          const frame = new FrameWriter(65_536);
          for (const entry of entries) {
            write(frame, entry);
          }
          const bytes = sealed(frame);
          const index = place % bytes.length;
          bytes[index] = (bytes[index] ?? 0) ^ change;
          expect(readFrame(bytes, 0, SEGMENT).kind).not.toBe('frame');
        },
      ),
    );
  });

  it('reads any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 300 }), (bytes, position) => {
        readFrame(Buffer.from(bytes), position, SEGMENT);
      }),
    );
  });

  it('of another segment are none, as the file may have been that one before', () => {
    fc.assert(
      fc.property(
        fc.array(written, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 99_999_999 }),
        (entries, other) => {
          const frame = new FrameWriter(65_536);
          for (const entry of entries) {
            write(frame, entry);
          }
          const kind = readFrame(sealed(frame), 0, other).kind;
          expect(kind).toBe(other === SEGMENT ? 'frame' : 'damaged');
        },
      ),
    );
  });

  it('have the end of the segment behind them, which is no frame', () => {
    const frame = new FrameWriter(400);
    frame.dropped(Buffer.alloc(16, 1));
    const bytes = frame.seal(SEGMENT);
    expect(bytes.subarray(-END_BYTES)).toEqual(Buffer.alloc(END_BYTES));
    expect(readFrame(bytes, bytes.length - END_BYTES, SEGMENT).kind).toBe('damaged');
  });

  it('never take more bytes for an event than foretold', () => {
    fc.assert(
      fc.property(written, (entry) => {
        if (entry.type === 'built') {
          const frame = new FrameWriter(8 + builtBytes(entry.event));
          expect(frame.fits(builtBytes(entry.event))).toBe(true);
          write(frame, entry);
          expect(readFrame(frame.seal(SEGMENT), 0, SEGMENT).kind).toBe('frame');
        }
      }),
    );
  });

  it('refuse a note that does not fit, and keep what they have', () => {
    const frame = new FrameWriter(400);
    frame.dropped(Buffer.alloc(16, 1));
    const event = exampleEvent({ user: 'x'.repeat(300) });
    expect(frame.noted(event)).toBe(false);
    const result = readFrame(frame.seal(SEGMENT), 0, SEGMENT);
    expect(result.kind === 'frame' && result.records.map(({ type }) => type)).toEqual(['dropped']);
  });
});

describe('segment files', () => {
  it('are numbered by their name, and other files are none', () => {
    expect(segmentFile(7)).toBe('00000007.journal');
    expect(segmentNumber(segmentFile(12_345))).toBe(12_345);
    for (const name of ['lock', '7.journal', '00000007.journal.old', 'x0000007.journal']) {
      expect(segmentNumber(name)).toBeNull();
    }
  });
});
