import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameScanner } from './frame-scan.ts';
import { UsageCut } from './usage-cut.ts';

function pass(chunks: readonly Buffer[], heldBytesMax = 10_000): Buffer {
  const cut = new UsageCut(heldBytesMax);
  const sink = {
    onFrame(data: Buffer | null, start: number, end: number) {
      cut.endFrame(start, end, data?.includes('CUT') === true);
    },
  };
  const scanner = new FrameScanner({ sink, frameBytesMax: 10_000 });
  const out: Buffer[] = [];
  for (const chunk of chunks) {
    cut.begin(chunk);
    scanner.push(chunk);
    out.push(...cut.finish(scanner.openFrom));
  }
  cut.begin(Buffer.alloc(0));
  scanner.end();
  out.push(...cut.finish(null));
  return Buffer.concat(out);
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b);
  const ends = [...sorted, bytes.length];
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

/** A piece of a stream, and what the client should see of it. */
interface Piece {
  readonly sent: string;
  readonly seen: string;
}

const kept = fc
  .tuple(fc.string({ unit: 'grapheme' }), fc.constantFrom('data: ', 'event: x§data:', 'id: 1§'))
  .map(([text, start]) => `${start}${text.replaceAll(/[\r\n§]|CUT/g, '')}§§`);

/** One kind of line end for a whole stream, written § before. A CR and an LF of different lines would join. */
const streams = fc
  .tuple(
    fc.constantFrom('\n', '\r\n', '\r'),
    fc.array(
      fc.oneof(
        kept.map((text): Piece => ({ sent: text, seen: text })),
        fc.constantFrom<Piece>(
          { sent: 'data: CUT§§', seen: '' },
          { sent: 'event: x§data: CUT§data: more§§', seen: '' },
          { sent: ': ping§', seen: ': ping§' },
          { sent: ': ping§data: CUT§§', seen: ': ping§' },
          { sent: '§', seen: '§' },
        ),
      ),
    ),
  )
  .map(([lineEnd, pieces]) => {
    const join = (side: keyof Piece) => pieces.map((piece) => piece[side].replaceAll('§', lineEnd)).join('');
    return { sent: join('sent'), seen: join('seen') };
  });

describe('cutting frames', () => {
  it('takes out exactly the frames named, for every chunking', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(), { maxLength: 20 }), ({ sent, seen }, places) => {
        expect(pass(cutAt(Buffer.from(sent), places)).toString()).toBe(seen);
      }),
      { numRuns: 3000 },
    );
  });

  it('passes on what never ended', () => {
    expect(pass([Buffer.from('data: a\n\ndata: b')]).toString()).toBe('data: a\n\ndata: b');
  });

  it('holds back no more than its limit', () => {
    const sent = `data: ${'x'.repeat(100)}CUT\n\ndata: CUT\n\ndata: b\n\n`;
    const chunks = cutAt(Buffer.from(sent), [30, 60, 90]);
    expect(pass(chunks, 50).toString()).toBe(sent.replace('data: CUT\n\n', ''));
  });

  it('gives back everything when it surrenders in the middle of a chunk', () => {
    const cut = new UsageCut(1000);
    cut.begin(Buffer.from('data: a\n\nda'));
    expect(Buffer.concat([...cut.finish(9)]).toString()).toBe('data: a\n\n');
    cut.begin(Buffer.from('ta: b\n\ndata'));
    expect(Buffer.concat([...cut.surrender()]).toString()).toBe('data: b\n\ndata');
  });
});
