import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureEvents } from '../../../test/fixtures/providers/load-fixture.ts';
import { listRecordings } from '../../../test/support/recordings.ts';
import { createFrameMarker } from './frame-marker.ts';
import { FRAME_MARKS, markFrame } from './frame-marks.ts';

/** A chunk as OpenAI sends it. */
const chunk = (id: string, delta: object, more: object = {}) =>
  Buffer.from(
    JSON.stringify({
      id,
      object: 'chat.completion.chunk',
      created: 1_764_000_000,
      model: 'gpt-5-mini-2025-08-07',
      choices: [{ index: 0, delta, finish_reason: null, ...more }],
      usage: null,
    }),
  );

function expectSameMarks(frames: readonly Uint8Array[]): void {
  const marker = createFrameMarker();
  expect(frames.map((frame) => marker.mark(frame))).toEqual(frames.map((frame) => markFrame(frame)));
}

describe('a marker of one stream', () => {
  const fixtures = ['openai-stream', 'openai-tool-call', 'azure-router', 'groq-twice', 'perplexity-growing'];
  const recorded = listRecordings()
    .filter(({ form }) => form !== 'json')
    .map(({ provider, name, payloads }) => [`${provider}/${name}`, payloads] as const);

  it.each(fixtures)('marks each event of %s as if it were alone, wherever events are cut off', (name) => {
    const events = fixtureEvents(`${name}.chunks.txt`).map((event) => Buffer.from(event));
    expectSameMarks(events);
    const cut = events.flatMap((event) => [
      event,
      ...Array.from(event, (_, length) => event.subarray(0, length)),
    ]);
    expectSameMarks(cut);
  });

  it.skipIf(recorded.length === 0)('marks each event of every recording as if it were alone', () => {
    for (const [, payloads] of recorded) {
      expectSameMarks(payloads().map((payload) => Buffer.from(payload)));
    }
  });

  it('marks what comes after a head it knows: nothing, an end, usage, an error', () => {
    const frames = [
      chunk('a', { role: 'assistant', content: '' }),
      chunk('a', { content: 'x' }),
      chunk('a', { content: '' }),
      chunk('a', { content: 'y' }, { finish_reason: 'stop' }),
      chunk('a', { content: 'y' }, { usage: { prompt_tokens: 1 } }),
      chunk('a', { content: '' }, { error: 'overloaded' }),
      chunk('b', { content: 'z' }),
      chunk('a', {}, { finish_reason: 'stop' }),
    ];
    const { delta, finish, usage, error } = FRAME_MARKS;
    const marker = createFrameMarker();
    expect(frames.map((frame) => marker.mark(frame))).toEqual([
      0,
      delta,
      0,
      delta | finish,
      delta | usage,
      error,
      delta,
      finish,
    ]);
  });

  it('marks events with any bytes changed, added or lost as if each were alone', () => {
    const events = [
      ...['a', 'b'].flatMap((id) => [
        chunk(id, { content: 'x' }),
        chunk(id, { reasoning: 'x' }, { finish_reason: 'stop' }),
      ]),
      ...fixtureEvents('groq-error.chunks.txt').map((event) => Buffer.from(event)),
    ];
    const pieces = fc.constantFrom(
      '',
      '"',
      '":',
      '":"',
      '"usage":{',
      '"error": "x',
      '"content":"y',
      '{',
      ' ',
    );
    const changed = fc
      .tuple(fc.constantFrom(...events), fc.nat(400), pieces, fc.nat(20))
      .map(([event, offset, piece, lost]) =>
        Buffer.concat([event.subarray(0, offset), Buffer.from(piece), event.subarray(offset + lost)]),
      );
    const frame = fc.oneof(fc.constantFrom(...events), changed);
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), (frames) => {
        expectSameMarks(frames);
      }),
      { numRuns: 2_000 },
    );
  });

  it('remembers no bytes that are not its own', () => {
    const marker = createFrameMarker();
    const network = chunk('a', { content: 'x' });
    marker.mark(network);
    network.fill(0x20);
    expect(marker.mark(network)).toBe(0);
    expect(marker.mark(chunk('a', { content: 'x' }, { finish_reason: 'stop' }))).toBe(
      FRAME_MARKS.delta | FRAME_MARKS.finish,
    );
  });

  it('reads plain bytes as it reads a Buffer', () => {
    expectSameMarks(
      ['x', 'y', ''].map((content) => new Uint8Array(chunk('a', { content }, { error: { code: 1 } }))),
    );
  });
});
