import { TOKEN_BUCKETS, USAGE_FLAGS } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureEvents } from '../../../test/fixtures/providers/load-fixture.ts';
import { presentTokens } from '../../../test/fixtures/providers/present-tokens.ts';
import { createChatStream } from './chat-stream.ts';

const HABITS = { hiddenReasoningInTotal: false };
const bytesOf = (text: string) => new TextEncoder().encode(text);

function run(events: readonly Uint8Array[]) {
  const stream = createChatStream(HABITS);
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

describe('a chat stream', () => {
  it('takes its usage from the chunk without choices, and names that chunk', () => {
    const { kinds, facts, line, outputDeltas, tokens } = runFixture('openai-stream.chunks.txt');
    expect(kinds).toEqual(['other', 'delta', 'delta', 'delta', 'other', 'usage_only', 'other']);
    expect(outputDeltas).toBe(3);
    expect(tokens).toEqual({
      inputTokens: 16,
      inputAudioTokens: 0,
      cacheReadTokens: 0,
      outputTokens: 300,
      reasoningTokens: 0,
      outputAudioTokens: 0,
    });
    expect(line?.usageFlags).toBe(0);
    expect(facts).toMatchObject({
      responseId: 'chatcmpl-fixture',
      responseModel: 'gpt-4.1-nano-2025-04-14',
      serviceTier: 'priority',
      finishReason: 'stop',
      usageSource: 'reported',
    });
  });

  it('gives the same facts at the end as after each further look', () => {
    const stream = createChatStream(HABITS);
    for (const event of fixtureEvents('openai-stream.chunks.txt')) stream.onData(event);
    expect(stream.finish()).toEqual(stream.finish());
  });

  it('knows Azure’s first chunk, without model and usage, from a usage chunk', () => {
    const { kinds, facts, tokens } = runFixture('azure-router.chunks.txt');
    expect(kinds).toEqual(['other', 'other', 'delta', 'delta', 'other', 'usage_only', 'other']);
    expect(facts.responseModel).toBe('gpt-5-nano-2025-08-07');
    // 78 completion − 64 reasoning
    expect(tokens).toMatchObject({ inputTokens: 15, outputTokens: 14, reasoningTokens: 64 });
  });

  it('counts tool arguments as output and has no usage when none was asked for', () => {
    const { facts, outputDeltas } = runFixture('openai-tool-call.chunks.txt');
    expect(outputDeltas).toBe(2);
    expect(facts).toMatchObject({ usageSource: 'none', finishReason: 'tool_calls' });
  });

  it.each(['groq-x-groq-only.chunks.txt', 'groq-twice.chunks.txt'])('reads Groq’s usage once: %s', (name) => {
    const { facts, tokens, line } = runFixture(name);
    expect(tokens).toEqual({ inputTokens: 210, outputTokens: 15 });
    expect(line?.usageFlags).toBe(0);
    expect(facts).toMatchObject({ serviceTier: 'on_demand', usageSource: 'reported' });
  });

  it('keeps the type of an error in the middle of a stream', () => {
    const { facts } = runFixture('groq-error.chunks.txt');
    expect(facts).toMatchObject({ errorType: 'invalid_request_error', usageSource: 'none' });
    expect(runFixture('openrouter-error.chunks.txt').facts).toMatchObject({
      errorType: '502',
      finishReason: 'error',
    });
  });

  it('takes the last of growing counts, whole', () => {
    const { facts, line, tokens, kinds } = runFixture('perplexity-growing.chunks.txt');
    expect(tokens).toEqual({ inputTokens: 11, outputTokens: 434 });
    expect(line?.providerReportedCost).toBe(5_445_000_000n);
    expect(line?.quantities).toEqual({ search_queries: 3, citation_tokens: 120 });
    expect(facts.usageSource).toBe('reported');
    expect(kinds).not.toContain('usage_only');
  });

  it('calls growing counts of a stream that broke off partial', () => {
    const { facts, tokens } = run(fixtureEvents('perplexity-growing.chunks.txt').slice(0, 3));
    expect(tokens).toEqual({ inputTokens: 11, outputTokens: 181 });
    expect(facts.usageSource).toBe('partial');
  });

  it('counts the deltas of a stream that broke off before its usage', () => {
    const { facts, outputDeltas } = run(fixtureEvents('openai-stream.chunks.txt').slice(0, 4));
    expect(outputDeltas).toBe(3);
    expect(facts).toMatchObject({ usageSource: 'none', responseModel: 'gpt-4.1-nano-2025-04-14' });
  });

  it('is reported once the extra chunk has come, whatever else is missing', () => {
    const { facts } = run([bytesOf('{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}')]);
    expect(facts).toMatchObject({ usageSource: 'reported', finishReason: null });
  });

  it('keeps none of the bytes it was given', () => {
    const stream = createChatStream(HABITS);
    for (const event of fixtureEvents('groq-twice.chunks.txt')) {
      const reused = Buffer.from(event);
      stream.onData(reused);
      reused.fill(0x20);
    }
    expect(stream.finish().lines[0]?.tokens.inputTokens).toBe(210);
  });

  it('finds a usage chunk also when the host writes spaces', () => {
    const { kinds } = run([bytesOf('{"id": "a", "choices": [ ], "usage": { "prompt_tokens": 1 } }')]);
    expect(kinds).toEqual(['usage_only']);
  });

  it('names no chunk usage_only that has choices, no usage, or the words in its text alone', () => {
    const others = [
      '{"choices":[],"usage":null}',
      '{"choices":[]}',
      '{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}',
      '{"choices":[{"delta":{"content":"{\\"choices\\":[],\\"usage\\":{\\"prompt_tokens\\":1}}"}}]}',
      '{"choices":[],"x":{"usage":{"prompt_tokens":1}}}',
    ];
    expect(run(others.map(bytesOf)).kinds).not.toContain('usage_only');
  });

  it('stops looking for a model that never comes', () => {
    const events = Array.from({ length: 20 }, () => bytesOf('{"choices":[{"delta":{"content":"a"}}]}'));
    const { facts, outputDeltas } = run([...events, bytesOf('{"model":"late","choices":[]}')]);
    expect(outputDeltas).toBe(20);
    expect(facts.responseModel).toBeNull();
  });

  it('throws at no event and never goes negative, in any order and with any noise between', () => {
    const names = ['openai-stream', 'azure-router', 'groq-twice', 'perplexity-growing', 'anthropic-fallback'];
    const known = names.flatMap((name) => fixtureEvents(`${name}.chunks.txt`));
    const event = fc.oneof(fc.constantFrom(...known), fc.uint8Array(), fc.json().map(bytesOf));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const { line } = run(events);
        for (const bucket of TOKEN_BUCKETS) expect(line?.tokens[bucket]).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('flags what does not add up, as a body does', () => {
    const usage = '{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":9}}';
    expect(run([bytesOf(usage)]).line?.usageFlags).toBe(USAGE_FLAGS.totalMismatch);
  });
});
