import { TOKEN_BUCKETS, USAGE_FLAGS } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureEvents } from '../../../test/fixtures/providers/load-fixture.ts';
import { presentTokens } from '../../../test/fixtures/providers/present-tokens.ts';
import { createMessageStream } from './message-stream.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

function run(events: readonly Uint8Array[]) {
  const stream = createMessageStream();
  const kinds = events.map((event) => stream.onData(event));
  const facts = stream.finish();
  const [line] = facts.lines;
  return {
    kinds,
    facts,
    line,
    outputDeltas: stream.outputDeltas,
    tokens: line === undefined ? {} : presentTokens(line),
  };
}

const runFixture = (name: string) => run(fixtureEvents(name));

describe('a message stream', () => {
  it('takes the last value of each cumulative count, and adds none', () => {
    const { facts, line, outputDeltas, tokens, kinds } = runFixture('anthropic-cache-growth.chunks.txt');
    // The last delta says 3,337 written; the split of the start knows 3,068 of them.
    expect(tokens).toEqual({
      inputTokens: 6,
      cacheReadTokens: 6289,
      cacheWrite5mTokens: 3337,
      cacheWrite1hTokens: 0,
      outputTokens: 198,
    });
    expect(line).toMatchObject({
      quantities: { web_fetch_requests: 1 },
      usageFlags: USAGE_FLAGS.assumedCacheLifetime | USAGE_FLAGS.ambiguousTier,
    });
    expect(facts).toMatchObject({
      responseId: 'msg_fixture',
      responseModel: 'claude-sonnet-4-6',
      serviceTier: 'standard',
      region: 'global',
      finishReason: 'end_turn',
      usageSource: 'reported',
    });
    expect(outputDeltas).toBe(2);
    expect(kinds.filter((kind) => kind === 'delta')).toHaveLength(2);
  });

  it('keeps both usage objects, first and last', () => {
    const events = fixtureEvents('anthropic-cache-growth.chunks.txt').map(String);
    const raw = runFixture('anthropic-cache-growth.chunks.txt').line?.usageRaw ?? '';
    const [first, last] = JSON.parse(raw);
    expect(first).toEqual(JSON.parse(events[0] ?? '').message.usage);
    expect(last).toEqual(JSON.parse(events.at(-2) ?? '').usage);
  });

  it('keeps the input of the start when the delta tells the output alone', () => {
    expect(runFixture('anthropic-old-delta.chunks.txt').tokens).toEqual({
      inputTokens: 17,
      outputTokens: 227,
    });
  });

  it('lets no null of a delta take a count away', () => {
    expect(runFixture('anthropic-null-delta.chunks.txt').tokens).toEqual({
      inputTokens: 61,
      cacheReadTokens: 7,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: 9,
    });
  });

  it('adds a compaction with its cache reads', () => {
    const { tokens } = runFixture('anthropic-compaction-cache.chunks.txt');
    // 612 + 100 input, 40 + 250 output
    expect(tokens).toMatchObject({ inputTokens: 712, cacheReadTokens: 55096, outputTokens: 290 });
  });

  it('names the model that a fallback reached, and bills no hop that was refused before output', () => {
    const { facts, line, tokens } = runFixture('anthropic-fallback.chunks.txt');
    expect(facts.responseModel).toBe('claude-opus-4-8');
    expect(facts.lines).toHaveLength(1);
    expect(tokens).toMatchObject({ inputTokens: 412, outputTokens: 264 });
    expect(line).toMatchObject({ responseModel: 'claude-opus-4-8', usageFlags: USAGE_FLAGS.fallbackBilling });
  });

  it('counts nothing twice when the top level holds all hops', () => {
    const { facts, line, tokens } = runFixture('anthropic-fallback-mixed.chunks.txt');
    expect(facts.lines).toHaveLength(1);
    expect(tokens).toEqual({ inputTokens: 10, outputTokens: 70 });
    expect(line?.usageFlags).toBe(USAGE_FLAGS.fallbackBilling | USAGE_FLAGS.totalMismatch);
  });

  it('believes the last of two starts', () => {
    const { facts, tokens } = runFixture('anthropic-duplicate-start.chunks.txt');
    expect(facts.responseId).toBe('msg_two');
    expect(tokens).toMatchObject({ inputTokens: 99, outputTokens: 2 });
  });

  it('that ends in an error tells its input, its deltas, and no output', () => {
    const { facts, outputDeltas, tokens } = runFixture('anthropic-overloaded.chunks.txt');
    expect(facts).toMatchObject({ errorType: 'overloaded_error', usageSource: 'partial' });
    expect(outputDeltas).toBe(2);
    expect(tokens).toEqual({
      inputTokens: 1208,
      cacheReadTokens: 0,
      cacheWrite5mTokens: 512,
      cacheWrite1hTokens: 0,
    });
  });

  it('that breaks off between two deltas is partial', () => {
    const events = fixtureEvents('anthropic-cache-growth.chunks.txt').slice(0, -2);
    const { facts, tokens } = run(events);
    expect(facts.usageSource).toBe('partial');
    expect(tokens).toMatchObject({ inputTokens: 4, outputTokens: 80 });
  });

  it('counts text, thinking and tool arguments, also when a host re-spaced the JSON', () => {
    const deltas = [
      { type: 'text_delta', text: 'a' },
      { type: 'thinking_delta', thinking: 'a' },
      { type: 'input_json_delta', partial_json: '{' },
      { type: 'input_json_delta', partial_json: '' },
      { type: 'signature_delta', signature: 'abc' },
    ];
    const events = deltas.map((delta) => ({ type: 'content_block_delta', index: 0, delta }));
    expect(run(events.map((event) => bytesOf(JSON.stringify(event)))).outputDeltas).toBe(3);
    expect(run(events.map((event) => bytesOf(JSON.stringify(event, null, 1)))).outputDeltas).toBe(3);
  });

  it('has no usage, and no facts, without events', () => {
    expect(run([]).facts).toMatchObject({ usageSource: 'none', responseModel: null });
  });

  it('keeps none of the bytes it was given', () => {
    const stream = createMessageStream();
    for (const event of fixtureEvents('anthropic-cache-growth.chunks.txt')) {
      const reused = Buffer.from(event);
      stream.onData(reused);
      reused.fill(0x20);
    }
    const facts = stream.finish();
    expect(facts.lines[0]?.tokens.cacheReadTokens).toBe(6289);
    expect(JSON.parse(facts.lines[0]?.usageRaw ?? '')).toHaveLength(2);
  });

  it('throws at no event and never goes negative, in any order and with any noise between', () => {
    const names = [
      'cache-growth',
      'fallback',
      'fallback-mixed',
      'compaction-cache',
      'duplicate-start',
      'overloaded',
    ];
    const known = names.flatMap((name) => fixtureEvents(`anthropic-${name}.chunks.txt`));
    const event = fc.oneof(fc.constantFrom(...known), fc.uint8Array(), fc.json().map(bytesOf));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        for (const { tokens } of run(events).facts.lines) {
          for (const bucket of TOKEN_BUCKETS) expect(tokens[bucket]).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
