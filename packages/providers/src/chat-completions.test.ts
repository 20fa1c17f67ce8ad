import type { ProviderKind } from '@meterstone/metering';
import { EVENT_LIMITS, TOKEN_BUCKETS, type TokenBucket, USAGE_FLAGS } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureBody } from '../../../test/fixtures/providers/load-fixture.ts';
import { presentTokens } from '../../../test/fixtures/providers/present-tokens.ts';
import type { AnswerFacts, UsageLine } from './answer.ts';
import { findReader } from './find-reader.ts';
import { isCount } from './token-sheet.ts';

function read(kind: ProviderKind, body: Uint8Array): AnswerFacts {
  const reader = findReader(kind, 'POST', '/v1/chat/completions');
  if (reader === null) throw new Error(`no reader for ${kind}`);
  return reader.readBody(body);
}

function lineOf(facts: AnswerFacts): UsageLine {
  const [line] = facts.lines;
  if (line === undefined) throw new Error('an answer has line 0');
  return line;
}

const readUsage = (usage: unknown, kind: ProviderKind = 'openai') =>
  lineOf(read(kind, Buffer.from(JSON.stringify({ usage }))));

const NO_PARTS = { inputAudioTokens: 0, inputImageTokens: 0, outputAudioTokens: 0 };

describe('a chat body', () => {
  it.each<[string, ProviderKind, Partial<Record<TokenBucket, number>>]>([
    [
      'openai-cache-write.json',
      'openai',
      // 4,020 prompt − 0 read − 4,012 written
      {
        inputTokens: 8,
        ...NO_PARTS,
        cacheReadTokens: 0,
        cacheWriteTokens: 4012,
        outputTokens: 4,
        reasoningTokens: 0,
      },
    ],
    [
      'openai-audio.json',
      'openai',
      // 61 − 44 audio; 130 − 102 audio
      {
        inputTokens: 17,
        inputAudioTokens: 44,
        inputImageTokens: 0,
        cacheReadTokens: 0,
        outputTokens: 28,
        reasoningTokens: 0,
        outputAudioTokens: 102,
      },
    ],
    ['openai-completions.json', 'openai', { inputTokens: 5, outputTokens: 1 }],
    ['azure-foundry-reasoning.json', 'azure', { inputTokens: 19, outputTokens: 519, reasoningTokens: 1201 }],
    [
      'deepseek-cache-hit.json',
      'deepseek',
      { inputTokens: 175, cacheReadTokens: 320, outputTokens: 26, reasoningTokens: 118 },
    ],
    [
      'moonshot-cached-top-level.json',
      'moonshot',
      { inputTokens: 44, cacheReadTokens: 256, outputTokens: 46 },
    ],
    [
      'mistral-prompt-tokens-details.json',
      'mistral',
      { inputTokens: 43, cacheReadTokens: 128, outputTokens: 14 },
    ],
    [
      'mistral-prompt-token-details.json',
      'mistral',
      { inputTokens: 43, cacheReadTokens: 128, outputTokens: 14 },
    ],
    [
      'mistral-num-cached-tokens.json',
      'mistral',
      { inputTokens: 43, cacheReadTokens: 128, outputTokens: 14 },
    ],
    ['mistral-audio-seconds.json', 'mistral', { inputTokens: 171, outputTokens: 14 }],
    // 109 − 35 − 12 is hidden reasoning on this host
    [
      'gemini-compat-hidden-reasoning.json',
      'google',
      { inputTokens: 35, outputTokens: 12, reasoningTokens: 62 },
    ],
  ])('%s falls into disjoint buckets without a flag', (name, kind, tokens) => {
    const facts = read(kind, fixtureBody(name));
    const line = lineOf(facts);
    expect(presentTokens(line)).toEqual(tokens);
    expect(line.usageFlags).toBe(0);
    expect(facts.usageSource).toBe('reported');
  });

  it('gives the facts beside the usage', () => {
    const facts = read('openai', fixtureBody('openai-cache-write.json'));
    expect({ ...facts, lines: [] }).toEqual({
      responseId: 'chatcmpl-fixture',
      responseModel: 'gpt-5-2025-08-07',
      serviceTier: 'default',
      region: null,
      finishReason: 'stop',
      errorType: null,
      usageSource: 'reported',
      lines: [],
    });
  });

  it('keeps the usage object to the letter', () => {
    const body = fixtureBody('deepseek-cache-hit.json').toString();
    const raw = lineOf(read('deepseek', Buffer.from(body))).usageRaw ?? '';
    expect(body.includes(`"usage": ${raw}`)).toBe(true);
    expect(JSON.parse(raw)).toEqual(JSON.parse(body).usage);
  });

  it('flags a residual on any other host and bills none of it', () => {
    const line = lineOf(read('openai_compatible', fixtureBody('gemini-compat-hidden-reasoning.json')));
    expect(presentTokens(line)).toEqual({ inputTokens: 35, outputTokens: 12 });
    expect(line.usageFlags).toBe(USAGE_FLAGS.totalMismatch);
  });

  it('counts what Mistral heard in milliseconds', () => {
    expect(lineOf(read('mistral', fixtureBody('mistral-audio-seconds.json'))).quantities).toEqual({
      audio_ms: 37_000,
    });
  });
});

describe('contradictory counts', () => {
  it('keep the whole, drop the parts, and say so', () => {
    const line = lineOf(read('openrouter', fixtureBody('openrouter-contradiction.json')));
    expect(presentTokens(line)).toEqual({ inputTokens: 2168, outputTokens: 10 });
    expect(line.usageFlags).toBe(USAGE_FLAGS.negativePart);
    expect(JSON.parse(line.usageRaw ?? '').prompt_tokens_details.cache_write_tokens).toBe(2161);
    // 0.01234567890125 USD: half even to the picodollar
    expect(line.providerReportedCost).toBe(12_345_678_901n);
  });

  it('of a video prompt of 0 are flagged; cost and searches stand', () => {
    const line = lineOf(read('openrouter', fixtureBody('openrouter-video.json')));
    expect(presentTokens(line)).toEqual({ inputTokens: 0, outputTokens: 21, reasoningTokens: 0 });
    expect(line.usageFlags).toBe(USAGE_FLAGS.negativePart);
    expect(line.providerReportedCost).toBe(10_500_000n);
    expect(line.quantities).toEqual({ web_search_requests: 2 });
  });

  it('between cache spellings resolve to the filled one', () => {
    const line = readUsage({
      prompt_tokens: 10,
      cached_tokens: 4,
      prompt_tokens_details: { cached_tokens: 0 },
    });
    expect(line.tokens.cacheReadTokens).toBe(4);
    expect(line.tokens.inputTokens).toBe(6);
  });
});

describe('absent and malformed counts', () => {
  it('tells an absent part from a part of 0', () => {
    expect(presentTokens(readUsage({ prompt_tokens: 1, completion_tokens: 0 }))).toEqual({
      inputTokens: 1,
      outputTokens: 0,
    });
    const zero = readUsage({
      prompt_tokens: 1,
      completion_tokens: 0,
      prompt_tokens_details: { cached_tokens: 0 },
    });
    expect(presentTokens(zero)).toEqual({ inputTokens: 1, cacheReadTokens: 0, outputTokens: 0 });
  });

  it.each([-1, 1.5, EVENT_LIMITS.countMax + 1, '12', true, [], {}])(
    'reads a count of %j as absent and flags it',
    (count) => {
      const line = readUsage({ prompt_tokens: count, completion_tokens: 3 });
      expect(presentTokens(line)).toEqual({ outputTokens: 3 });
      expect(line.usageFlags).toBe(USAGE_FLAGS.malformedCount);
    },
  );

  it('reads a cost from its text, to the last digit', () => {
    const body = '{"usage":{"prompt_tokens":1,"cost":123456789.123456789012,"completion_tokens":1}}';
    expect(lineOf(read('openrouter', Buffer.from(body))).providerReportedCost).toBe(
      123_456_789_123_456_789_012n,
    );
  });

  it.each(['0.1', -0.5, true, { total_cost: 'x' }])('reads a cost of %j as absent and flags it', (cost) => {
    const line = readUsage({ prompt_tokens: 1, completion_tokens: 1, cost });
    expect(line.providerReportedCost).toBeNull();
    expect(line.usageFlags).toBe(USAGE_FLAGS.malformedCount);
  });

  it.each([
    ['one side', { prompt_tokens: 5 }, 'partial'],
    ['a total alone', { total_tokens: 5 }, 'none'],
    ['an empty object', {}, 'none'],
    ['null', null, 'none'],
    ['a list', [1], 'none'],
  ])('calls %s what it is', (_name, usage, source) => {
    expect(read('openai', Buffer.from(JSON.stringify({ usage }))).usageSource).toBe(source);
  });

  it('reads a model name over an event’s limit as absent', () => {
    const nameOf = (length: number) =>
      read('openai', Buffer.from(JSON.stringify({ model: 'm'.repeat(length) }))).responseModel?.length;
    expect(nameOf(EVENT_LIMITS.providerTextCharactersMax)).toBe(EVENT_LIMITS.providerTextCharactersMax);
    expect(nameOf(EVENT_LIMITS.providerTextCharactersMax + 1)).toBeUndefined();
  });

  it('leaves no usage, and no facts, of a body that is no object', () => {
    for (const text of ['', 'null', '[]', '<html>', '{"usage":{"prompt_tokens":1}']) {
      const facts = read('openai', Buffer.from(text));
      expect(facts.usageSource).toBe('none');
      expect(facts.lines).toHaveLength(1);
    }
  });
});

describe('an error body', () => {
  it.each([
    [{ error: { message: 'x', type: 'invalid_request_error', code: null } }, 'invalid_request_error'],
    [{ error: { message: 'x', code: 'DeploymentNotFound' } }, 'DeploymentNotFound'],
    [{ error: { code: 502, message: 'x' } }, '502'],
    [{ error: { code: 400, status: 'INVALID_ARGUMENT' } }, 'INVALID_ARGUMENT'],
    [{ error: 'overloaded' }, 'overloaded'],
    [{ error: {} }, 'error'],
    [{ error: null }, null],
  ])('%j is of type %s', (body, errorType) => {
    expect(read('openai', Buffer.from(JSON.stringify(body))).errorType).toBe(errorType);
  });
});

describe('any body', () => {
  const count = fc.oneof(fc.nat(5000), fc.maxSafeNat(), fc.constantFrom(null, -3, 0.5, '7', undefined));
  const details = fc.record(
    {
      cached_tokens: count,
      cache_write_tokens: count,
      audio_tokens: count,
      reasoning_tokens: count,
      image_tokens: count,
    },
    { requiredKeys: [] },
  );
  const usage = fc.record(
    {
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens: count,
      reasoning_tokens: count,
      cached_tokens: count,
      prompt_tokens_details: fc.oneof(details, fc.constant(null)),
      completion_tokens_details: fc.oneof(details, fc.constant('x')),
      cost: fc.oneof(fc.double(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );

  it('never gives a negative bucket, nor a sum other than the provider’s wholes', () => {
    fc.assert(
      fc.property(usage, fc.constantFrom<ProviderKind>('openai', 'google'), (fields, kind) => {
        const line = readUsage(fields, kind);
        for (const bucket of TOKEN_BUCKETS) expect(line.tokens[bucket]).toBeGreaterThanOrEqual(0);
        const { prompt_tokens: prompt, completion_tokens: completion } = fields;
        if (kind !== 'openai' || !isCount(prompt) || !isCount(completion)) return;
        const sum = TOKEN_BUCKETS.reduce((all, bucket) => all + BigInt(line.tokens[bucket]), 0n);
        expect(sum).toBe(BigInt(prompt) + BigInt(completion));
      }),
      { numRuns: 500 },
    );
  });

  it('never makes the reader throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json().map((text) => Buffer.from(text)),
          fc.uint8Array(),
        ),
        (body) => {
          expect(read('openai', body).lines).toHaveLength(1);
        },
      ),
    );
  });
});
