import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameScanner } from './frame-scan.ts';

const FRAME_BYTES_MAX = 1_000_000;

/** The events of a stream as the reference parser sees them. */
function expectedEvents(text: string): string[] {
  const events: string[] = [];
  createParser({ onEvent: ({ data }) => events.push(data) }).feed(text);
  return events;
}

interface Scanned {
  readonly events: (string | null)[];
  readonly oversized: number;
}

function scan(chunks: readonly Buffer[], frameBytesMax = FRAME_BYTES_MAX, end = false): Scanned {
  const events: (string | null)[] = [];
  const sink = { onFrame: (data: Buffer | null) => events.push(data?.toString() ?? null) };
  const scanner = new FrameScanner({ sink: { onFrame: (data) => void sink.onFrame(data) }, frameBytesMax });
  for (const chunk of chunks) {
    scanner.push(chunk);
  }
  if (end) {
    scanner.end();
  }
  return { events, oversized: scanner.oversized };
}

/** Cuts bytes at the given places, taken modulo the length; an empty chunk now and then. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...sorted, bytes.length]) {
    chunks.push(bytes.subarray(from, place));
    from = place;
  }
  return chunks;
}

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const line = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => `data: ${text}`) },
  fc.constantFrom('data', 'data:', 'data:  two spaces', 'data :x', 'Data: x', 'datax: y', ': ping', ':', ''),
  fc.constantFrom('event: delta', 'id: 7', 'retry: 10', 'x', 'data:data: x'),
);
const stream = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(line, lineEnd).map(([text, end]) => text.replaceAll(/[\r\n]/g, '') + end)),
    fc.constantFrom('', '\n', '\n\n', 'data: unfinished'),
  )
  .map(([mark, lines, tail]) => (mark ? '\ufeff' : '') + lines.join('') + tail);

describe('scanning frames', () => {
  it('tells the same events as the reference parser for every chunking', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (text, places) => {
        const { events } = scan(cutAt(Buffer.from(text), places));
        expect(events.filter((data) => data !== null)).toEqual(expectedEvents(text));
      }),
      { numRuns: 3000 },
    );
  });

  it('tells the same events when every byte comes alone', () => {
    fc.assert(
      fc.property(stream, (text) => {
        const bytes = Buffer.from(text);
        const { events } = scan([...bytes].map((byte) => Buffer.from([byte])));
        expect(events.filter((data) => data !== null)).toEqual(expectedEvents(text));
      }),
    );
  });

  it('tells an event that the end of the stream ended', () => {
    expect(scan([Buffer.from('data: a\n\nda'), Buffer.from('ta: b')], FRAME_BYTES_MAX, true).events).toEqual([
      'a',
      'b',
    ]);
  });

  it('passes over a frame that is too large, and reads the next', () => {
    const text = `data: ${'x'.repeat(50)}\n\ndata: ok\n\n`;
    for (const places of [[], [10], [10, 20, 40], [56], [57]]) {
      expect(scan(cutAt(Buffer.from(text), places), 30)).toEqual({ events: [null, 'ok'], oversized: 1 });
    }
  });

  it('counts many short lines of one frame as one', () => {
    const text = `${'data: 1234\n'.repeat(10)}\ndata: ok\n\n`;
    expect(scan([Buffer.from(text)], 30)).toEqual({ events: [null, 'ok'], oversized: 1 });
  });
});
