import { TOKEN_BUCKETS, type TokenBucket, USAGE_FLAGS } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureBody } from '../../../test/fixtures/providers/load-fixture.ts';
import { presentTokens } from '../../../test/fixtures/providers/present-tokens.ts';
import { messagesReader } from './anthropic-messages.ts';
import { isCount } from './token-sheet.ts';

const read = (name: string) => messagesReader.readBody(fixtureBody(name));
const readUsage = (usage: unknown) =>
  messagesReader.readBody(Buffer.from(JSON.stringify({ model: 'm', usage })));
const { assumedCacheLifetime, ambiguousTier, fallbackBilling, malformedCount, negativePart, totalMismatch } =
  USAGE_FLAGS;
const NO_WRITES = { cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };

describe('a message', () => {
  it('counts exclusively, with both lifetimes and the thinking apart', () => {
    const facts = read('anthropic-cache-lifetimes.json');
    // 198 output − 150 thinking
    expect(facts.lines.map(presentTokens)).toEqual([
      {
        inputTokens: 6,
        cacheReadTokens: 6289,
        cacheWrite5mTokens: 2337,
        cacheWrite1hTokens: 1000,
        outputTokens: 48,
        reasoningTokens: 150,
      },
    ]);
    expect({ ...facts, lines: [] }).toEqual({
      responseId: 'msg_fixture',
      responseModel: 'claude-opus-5',
      serviceTier: 'fast',
      region: 'us',
      finishReason: 'end_turn',
      errorType: null,
      usageSource: 'reported',
      lines: [],
    });
    expect(facts.lines[0]).toMatchObject({ usageFlags: 0, quantities: {}, providerReportedCost: null });
  });

  it('that refuses carries usage, and names no region when it has none', () => {
    const facts = read('anthropic-refusal.json');
    expect(facts).toMatchObject({ finishReason: 'refusal', region: null, serviceTier: 'standard' });
    expect(facts.lines.map(presentTokens)).toEqual([{ inputTokens: 18, ...NO_WRITES, outputTokens: 5 }]);
  });

  it('with server tools counts the calls and is unsure of its tier', () => {
    const facts = read('anthropic-web-search.json');
    expect(facts).toMatchObject({ responseModel: 'claude-sonnet-4-20250514', finishReason: 'end_turn' });
    expect(facts.lines[0]).toMatchObject({
      quantities: { web_search_requests: 2 },
      usageFlags: ambiguousTier,
    });
    expect(facts.lines[0]?.tokens).toMatchObject({ inputTokens: 27118, outputTokens: 600 });
  });

  it('keeps the usage object to the letter', () => {
    const body = fixtureBody('anthropic-compaction.json').toString();
    const raw = messagesReader.readBody(Buffer.from(body)).lines[0]?.usageRaw ?? '';
    expect(body).toContain(`"usage": ${raw}`);
  });

  it('that is an error has its type and no usage', () => {
    expect(read('anthropic-error.json')).toMatchObject({
      errorType: 'rate_limit_error',
      usageSource: 'none',
    });
  });
});

describe('iterations', () => {
  it('of a compaction are added: the top level leaves them out', () => {
    // 60,385 + 682 and 592 + 1,320
    const { lines } = read('anthropic-compaction.json');
    expect(lines.map(presentTokens)).toEqual([{ inputTokens: 61067, ...NO_WRITES, outputTokens: 1912 }]);
    expect(lines[0]?.usageFlags).toBe(ambiguousTier);
  });

  it('of an advisor become a line of their own model', () => {
    const { lines } = read('anthropic-advisor.json');
    expect(lines.map(({ line, responseModel }) => [line, responseModel])).toEqual([
      [0, 'claude-sonnet-4-6'],
      [1, 'claude-opus-4-7'],
    ]);
    expect(lines.map(presentTokens)).toEqual([
      { inputTokens: 2414, ...NO_WRITES, outputTokens: 3200 },
      { inputTokens: 2728, ...NO_WRITES, outputTokens: 874 },
    ]);
    expect(lines[1]).toMatchObject({ usageRaw: null, usageFlags: 0 });
  });

  it('of one model in several advisor calls are one line', () => {
    const call = { type: 'advisor_message', model: 'big', input_tokens: 3, output_tokens: 2 };
    const { lines } = readUsage({ input_tokens: 1, output_tokens: 1, iterations: [call, call] });
    expect(lines.map(({ tokens }) => tokens.inputTokens)).toEqual([1, 6]);
    expect(lines[1]?.usageFlags).toBe(ambiguousTier);
  });

  it('of a fallback hop that broke off after output become a flagged line', () => {
    const { lines, responseModel } = read('anthropic-fallback-billed-hop.json');
    expect(responseModel).toBe('claude-opus-4-8');
    expect(
      lines.map(({ tokens }) => [tokens.inputTokens, tokens.cacheReadTokens, tokens.outputTokens]),
    ).toEqual([
      [412, 560186, 264],
      [408, 560186, 299],
    ]);
    expect(lines[1]).toMatchObject({ responseModel: 'claude-fable-5', usageFlags: fallbackBilling });
  });

  it('that do not add up to the top level, or are of an unknown type, are flagged', () => {
    const entry = { type: 'message', input_tokens: 3, output_tokens: 2 };
    const flags = (iterations: unknown) =>
      readUsage({ input_tokens: 4, output_tokens: 2, iterations }).lines[0]?.usageFlags;
    expect(flags([entry])).toBe(totalMismatch);
    expect(flags([{ ...entry, input_tokens: 4 }])).toBe(0);
    expect(
      flags([
        { ...entry, input_tokens: 4 },
        { type: 'ritual', input_tokens: 9 },
      ]),
    ).toBe(totalMismatch);
    expect(
      flags([
        { ...entry, input_tokens: 4 },
        { type: 'advisor_message', input_tokens: 9 },
      ]),
    ).toBe(totalMismatch);
    expect(flags([null, 7])).toBe(totalMismatch);
    expect(flags([])).toBe(0);
  });

  it('of too many models are cut off and flagged', () => {
    const iterations = Array.from({ length: 40 }, (_, n) => ({ type: 'advisor_message', model: `m${n}` }));
    const { lines } = readUsage({ input_tokens: 4, output_tokens: 2, iterations });
    expect(lines).toHaveLength(17);
    expect(lines[0]?.usageFlags).toBe(totalMismatch);
  });
});

describe('cache writes', () => {
  it.each<[string, object, Partial<Record<TokenBucket, number>>, number]>([
    [
      'without a split, of 0, are 0 in both lifetimes',
      { cache_creation_input_tokens: 0 },
      { cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 },
      0,
    ],
    [
      'without a split are assumed to live 5 minutes',
      { cache_creation_input_tokens: 7 },
      { cacheWrite5mTokens: 7 },
      assumedCacheLifetime,
    ],
    [
      'above their split go to the lifetime in use',
      {
        cache_creation_input_tokens: 9,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 4 },
      },
      { cacheWrite5mTokens: 0, cacheWrite1hTokens: 9 },
      assumedCacheLifetime,
    ],
    [
      'below their split keep the total',
      {
        cache_creation_input_tokens: 3,
        cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 0 },
      },
      { cacheWrite5mTokens: 3 },
      assumedCacheLifetime | negativePart,
    ],
    [
      'with a split alone take the split',
      { cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 5 } },
      { cacheWrite5mTokens: 4, cacheWrite1hTokens: 5 },
      0,
    ],
    ['that are malformed are absent', { cache_creation_input_tokens: -7 }, {}, malformedCount],
    ['that are not told are absent', {}, {}, 0],
  ])('%s', (_name, fields, tokens, usageFlags) => {
    const [line] = readUsage({ input_tokens: 1, output_tokens: 2, ...fields }).lines;
    expect(line === undefined ? {} : presentTokens(line)).toEqual({
      inputTokens: 1,
      outputTokens: 2,
      ...tokens,
    });
    expect(line?.usageFlags).toBe(usageFlags);
  });

  it('flag a usage object that thinks more than it says', () => {
    const [line] = readUsage({
      input_tokens: 1,
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 6 },
    }).lines;
    expect(line?.tokens).toMatchObject({ outputTokens: 5, reasoningTokens: 0 });
    expect(line?.usageFlags).toBe(negativePart);
  });
});

describe('any body', () => {
  const count = fc.oneof(fc.nat(5000), fc.maxSafeNat(), fc.constantFrom(null, -3, 0.5, '7', undefined));
  const counts = {
    input_tokens: count,
    output_tokens: count,
    cache_read_input_tokens: count,
    cache_creation_input_tokens: count,
    cache_creation: fc.record({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count }),
    output_tokens_details: fc.record({ thinking_tokens: count }),
  };
  const entry = fc.record(
    {
      ...counts,
      type: fc.constantFrom('message', 'compaction', 'advisor_message', 'fallback_message', '?'),
      model: fc.constantFrom('a', 'b', null, 7),
    },
    { requiredKeys: [] },
  );
  const usage = fc.record(
    {
      ...counts,
      iterations: fc.array(fc.oneof(entry, fc.jsonValue()), { maxLength: 5 }),
      server_tool_use: fc.dictionary(fc.constantFrom('web_search_requests', '__proto__', 'x'), count),
    },
    { requiredKeys: [] },
  );

  it('never gives a bucket that an event cannot hold', () => {
    fc.assert(
      fc.property(usage, (fields) => {
        for (const { tokens } of readUsage(fields).lines) {
          for (const bucket of TOKEN_BUCKETS) expect(isCount(tokens[bucket])).toBe(true);
        }
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
          expect(messagesReader.readBody(body).lines.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
