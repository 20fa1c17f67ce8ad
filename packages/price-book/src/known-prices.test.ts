import {
  type OrgTerms,
  type PriceBook,
  type RatingTerms,
  rateUsage,
  roundAmount,
  type UsageEvent,
} from '@meterstone/metering';
import { describe, expect, it } from 'vitest';
import { wholeEvent } from '../../../test/support/whole-event.ts';
import { loadPriceBook } from './load-price-book.ts';

const priceBook = await loadPriceBook();
const org: OrgTerms = {
  orgId: 'acme',
  plan: null,
  ratePlans: new Map(),
  userPlans: new Map(),
  keyPlans: new Map(),
  byokFeePerRequest: 0n,
};
const terms = (book: PriceBook): RatingTerms => ({
  epoch: 'e',
  priceBook: book,
  orgs: new Map([['acme', org]]),
});

/** Rates usage of `provider model` on 2026-11-24 at noon (a Tuesday) unless the facts say otherwise. */
function rate(name: string, facts: Partial<UsageEvent>, book = priceBook) {
  const [provider = '', responseModel = ''] = name.split(' ');
  return rateUsage(
    { ...ANSWERED, provider, responseModel, requestModel: responseModel, ...facts },
    terms(book),
  );
}

const at = (instant: string) => ({ occurredAt: Date.parse(instant) });

describe('right answers of the trial that chose the catalogue', () => {
  it('gpt-5: 10,000 in of which 4,000 cached, 1,000 out of which 600 reasoning', () => {
    // 6,000 × 1.25 + 4,000 × 0.125 + 400 × 10 + 600 × 10 = 7,500 + 500 + 10,000 = 18,000 µ$.
    const usage = { inputTokens: 6000, cacheReadTokens: 4000, outputTokens: 400, reasoningTokens: 600 };
    expect(rate('openai gpt-5', usage).marketCost).toBe(18_000_000_000n);
  });

  it('claude-sonnet-4-5: 250,000 in of which 100,000 are 1 h cache writes, 1,000 out, all in the upper band', () => {
    // 150,000 × 6 + 100,000 × 12 + 1,000 × 22.50 = 900,000 + 1,200,000 + 22,500 = 2,122,500 µ$.
    const usage = { inputTokens: 150_000, cacheWrite1hTokens: 100_000, outputTokens: 1000 };
    expect(rate('anthropic claude-sonnet-4-5-20250929', usage).marketCost).toBe(2_122_500_000_000n);
  });

  it('claude-sonnet-4-5: 50,000 in with reads and both lifetimes of writes', () => {
    // 20,000 × 3 + 10,000 × 0.30 + 15,000 × 3.75 + 5,000 × 6 + 1,000 × 15
    // = 60,000 + 3,000 + 56,250 + 30,000 + 15,000 = 164,250 µ$.
    const usage = {
      inputTokens: 20_000,
      cacheReadTokens: 10_000,
      cacheWrite5mTokens: 15_000,
      cacheWrite1hTokens: 5000,
      outputTokens: 1000,
    };
    expect(rate('anthropic claude-sonnet-4-5-20250929', usage).marketCost).toBe(164_250_000_000n);
  });

  it('gemini-2.5-pro: the band is decided by all input, cache included, and 200,000 is still the lower', () => {
    // 200,000 × 2.50 + 50,000 × 0.25 + 2,000 × 15 = 500,000 + 12,500 + 30,000 = 542,500 µ$.
    const usage = { inputTokens: 200_000, cacheReadTokens: 50_000, outputTokens: 2000 };
    expect(rate('google gemini-2.5-pro', usage).marketCost).toBe(542_500_000_000n);
    // 150,000 × 1.25 + 50,000 × 0.125 = 187,500 + 6,250 = 193,750 µ$.
    const edge = { inputTokens: 150_000, cacheReadTokens: 50_000 };
    expect(rate('google gemini-2.5-pro', edge).marketCost).toBe(193_750_000_000n);
  });

  it('o3: one million in, before and after the cut', () => {
    const usage = { inputTokens: 1_000_000 };
    expect(rate('openai o3', { ...usage, ...at('2025-05-01T00:00:00Z') }).marketCost).toBe(
      10_000_000_000_000n,
    );
    expect(rate('openai o3', usage).marketCost).toBe(2_000_000_000_000n);
  });

  it.each([
    ['us.', 3_300_000_000_000n],
    ['eu.', 3_300_000_000_000n],
    ['global.', 3_000_000_000_000n],
  ])('Bedrock: one million in on the %s profile', (region, cost) => {
    const name = `bedrock ${region}anthropic.claude-sonnet-4-5-20250929-v1:0`;
    expect(rate(name, { inputTokens: 1_000_000 })).toMatchObject({
      marketCost: cost,
      model: 'anthropic/claude-sonnet-4.5',
    });
  });

  it('OpenRouter, fine-tunes and deployments', () => {
    const usage = { inputTokens: 1_000_000 };
    expect(rate('openrouter anthropic/claude-sonnet-4.5', usage)).toMatchObject({
      marketCost: 6_000_000_000_000n,
      priceMatch: 'exact',
    });
    expect(rate('openai ft:gpt-4o-mini-2024-07-18:acme::abc', usage)).toMatchObject({
      marketCost: 300_000_000_000n,
      priceMatch: 'pattern',
    });
    expect(rate('azure my-deployment', usage)).toMatchObject({
      marketCost: null,
      unpricedReason: 'unknown_model',
    });
    expect(rate('azure gpt-5-2025-08-07', usage)).toMatchObject({
      priceMatch: 'fallback',
      model: 'openai/gpt-5',
    });
  });

  it('whisper by the second', () => {
    // 37 s at $0.36 per hour = $0.0037.
    expect(rate('openai whisper-1', { quantities: { audio_ms: 37_000 } }).marketCost).toBe(3_700_000_000n);
  });
});

describe('what providers said they charged', () => {
  it('OpenRouter: a recorded cost of 0.0133176 with one web search', () => {
    // 8,174 × 0.40 + 30 × 1.60 = 3,269.6 + 48 = 3,317.6 µ$, and $0.01 for the search.
    const usage = { inputTokens: 8174, outputTokens: 30 };
    const tokens = rate('openrouter openai/gpt-4.1-mini', usage).marketCost ?? 0n;
    const search = rate('openai gpt-4.1-mini', { quantities: { web_search_requests: 1 } }).marketCost ?? 0n;
    expect(tokens + search).toBe(roundAmount('0.0133176'));
  });

  it('xAI: a recorded 1,466,250 ticks of 1e-10 dollars', () => {
    // 1 × 0.30 + 11 × 0.075 + (1 + 290) × 0.50 = 0.3 + 0.825 + 145.5 = 146.625 µ$.
    const usage = { inputTokens: 1, cacheReadTokens: 11, outputTokens: 1, reasoningTokens: 290 };
    expect(rate('xai grok-3-mini', usage).marketCost).toBe(1_466_250n * 100n);
  });
});

describe('complaints about wrong money elsewhere', () => {
  it('cached tokens are neither lost nor charged as new ones', () => {
    const cached = rate('anthropic claude-opus-5', { cacheReadTokens: 100_000 }).marketCost;
    expect(cached).toBe(50_000_000_000n);
  });

  it('parts are not counted twice: buckets are disjoint', () => {
    const usage = { inputTokens: 6000, cacheReadTokens: 4000 };
    const input = rate('openai gpt-5', { inputTokens: 6000 }).marketCost ?? 0n;
    const cached = rate('openai gpt-5', { cacheReadTokens: 4000 }).marketCost ?? 0n;
    expect(rate('openai gpt-5', usage).marketCost).toBe(input + cached);
  });

  it('the tier served is priced, not the one asked for', () => {
    const usage = { inputTokens: 1_000_000, serviceTierRequested: 'priority' };
    expect(rate('openai gpt-5', { ...usage, serviceTier: 'default' }).marketCost).toBe(1_250_000_000_000n);
    expect(rate('openai gpt-5', { ...usage, serviceTier: 'priority' }).marketCost).toBe(2_500_000_000_000n);
  });

  it.each([
    ['openai gpt-5', 'priority', 2_500_000_000_000n],
    ['openai gpt-5-mini', 'priority', 450_000_000_000n],
    ['openai gpt-4.1', 'priority', 3_500_000_000_000n],
    ['openai gpt-5', 'flex', 625_000_000_000n],
    ['openai gpt-5', 'batch', 625_000_000_000n],
    ['anthropic claude-opus-5', 'fast', 10_000_000_000_000n],
    ['anthropic claude-opus-5', 'batch', 2_500_000_000_000n],
  ])('tiers have rates of their own, not one factor: %s %s', (name, serviceTier, cost) => {
    expect(rate(name, { inputTokens: 1_000_000, serviceTier }).marketCost).toBe(cost);
  });

  it('a tier without published rates is unpriced', () => {
    const usage = { inputTokens: 1, serviceTier: 'priority' };
    expect(rate('anthropic claude-sonnet-4-5', usage)).toMatchObject({
      marketCost: null,
      unpricedReason: 'tier_without_price',
    });
  });

  it('an unknown model costs nobody knows what, never 0', () => {
    expect(rate('openai gpt-99', { inputTokens: 1 })).toMatchObject({
      marketCost: null,
      unpricedReason: 'unknown_model',
    });
  });

  it('a new model is not priced as the one whose name it extends', () => {
    // $0.10 per million cached, where claude-sonnet-5 has $0.20.
    expect(rate('anthropic claude-sonnet-5-5', { cacheReadTokens: 1_000_000 }).marketCost).toBe(
      100_000_000_000n,
    );
    expect(rate('anthropic claude-haiku-6', { inputTokens: 1 }).marketCost).toBeNull();
  });

  it('cache writes keep their lifetimes apart, on clouds too', () => {
    const name = 'bedrock global.anthropic.claude-sonnet-4-5-20250929-v1:0';
    expect(rate(name, { cacheWrite5mTokens: 1000 }).marketCost).toBe(3_750_000_000n);
    expect(rate(name, { cacheWrite1hTokens: 1000 }).marketCost).toBe(6_000_000_000n);
    const older = 'bedrock us.anthropic.claude-3-5-sonnet-20241022-v2:0';
    expect(rate(older, { cacheWrite1hTokens: 1 }).unpricedReason).toBe('no_rate_cache_write_1h_tokens');
  });

  it('per-call tool fees are in the cost', () => {
    // 3 searches × $0.01, 2 fetches × 0.
    const quantities = { web_search_requests: 3, web_fetch_requests: 2 };
    expect(rate('anthropic claude-opus-5', { quantities }).marketCost).toBe(30_000_000_000n);
  });

  it('a price change does not rewrite history', () => {
    const usage = { inputTokens: 1_000_000 };
    expect(
      rate('openai gpt-5.6-luna', { ...usage, ...at('2026-07-29T23:59:59.999Z'), inputTokens: 100_000 })
        .marketCost,
    ).toBe(100_000_000_000n);
    expect(
      rate('openai gpt-5.6-luna', { ...usage, ...at('2026-07-30T00:00:00Z'), inputTokens: 100_000 })
        .marketCost,
    ).toBe(20_000_000_000n);
  });

  it('a corrected book gives the corrected cost of the same event', () => {
    const before = { ...priceBook, version: 'before', providers: new Map() };
    const usage = { inputTokens: 1_000_000 };
    expect(rate('openai gpt-5', usage, before)).toMatchObject({ marketCost: null, priceBook: 'before' });
    expect(rate('openai gpt-5', usage)).toMatchObject({
      marketCost: 1_250_000_000_000n,
      priceBook: priceBook.version,
    });
  });

  it('the dropped long-context surcharge of Opus 4.6 ends with its date, on Vertex too', () => {
    const usage = { inputTokens: 300_000 };
    for (const name of ['anthropic claude-opus-4-6', 'vertex claude-opus-4-6']) {
      expect(rate(name, { ...usage, ...at('2026-03-12T23:59:59Z') }).marketCost).toBe(3_000_000_000_000n);
      expect(rate(name, { ...usage, ...at('2026-03-13T00:00:00Z') }).marketCost).toBe(1_500_000_000_000n);
    }
  });

  it('exactly 272,000 tokens are not long context on OpenAI', () => {
    expect(rate('openai gpt-5.6-sol', { inputTokens: 272_000 }).marketCost).toBe(1_088_000_000_000n);
    expect(rate('openai gpt-5.6-sol', { inputTokens: 272_001 }).marketCost).toBe(2_176_008_000_000n);
  });

  it('inference in the US alone costs 1.1 times on Anthropic, from Opus 4.6 on', () => {
    const usage = { inputTokens: 1_000_000, region: 'us' };
    expect(rate('anthropic claude-opus-5', usage).marketCost).toBe(5_500_000_000_000n);
    expect(rate('anthropic claude-opus-5', { ...usage, region: 'global' }).marketCost).toBe(
      5_000_000_000_000n,
    );
  });
});

describe('DeepSeek by the hour', () => {
  // Per million input tokens.
  it.each([
    ['before the scheme began', '2026-07-01T02:00:00Z', 435_000_000_000n],
    ['the last millisecond before it', '2026-08-16T23:59:59.999Z', 435_000_000_000n],
    ['off-peak on its first day', '2026-08-17T00:59:59.999Z', 660_000_000_000n],
    ['peak on its first day', '2026-08-17T01:00:00Z', 1_320_000_000_000n],
    ['peak on a Saturday while weekends still had peaks', '2026-08-22T02:00:00Z', 1_320_000_000_000n],
    ['a Saturday after that', '2026-11-21T02:00:00Z', 660_000_000_000n],
    ['a Monday', '2026-11-23T09:59:59.999Z', 1_320_000_000_000n],
    ['a Monday after the second window', '2026-11-23T10:00:00Z', 660_000_000_000n],
  ])('deepseek-v4-pro: %s', (_, instant, cost) => {
    expect(rate('deepseek deepseek-v4-pro', { inputTokens: 1_000_000, ...at(instant) }).marketCost).toBe(
      cost,
    );
  });

  it.each([
    ['2026-08-18T02:00:00Z', 440_000_000_000n],
    ['2026-09-09T23:00:00Z', 220_000_000_000n],
    ['2026-09-10T02:00:00Z', 300_000_000_000n],
    ['2026-09-10T05:00:00Z', 150_000_000_000n],
  ])('deepseek-v4-flash at %s', (instant, cost) => {
    expect(rate('deepseek deepseek-v4-flash', { inputTokens: 1_000_000, ...at(instant) }).marketCost).toBe(
      cost,
    );
  });
});

const ANSWERED = wholeEvent({
  sourceRef: 'test',
  occurredAt: Date.parse('2026-11-24T12:00:00Z'),
  ingestedAt: Date.parse('2026-11-24T12:00:01Z'),
  provider: '',
  requestModel: null,
  finishReason: null,
});
