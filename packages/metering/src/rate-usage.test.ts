import { describe, expect, it } from 'vitest';
import { createRater, rateUsage } from './rate-usage.ts';
import { bucketColumn } from './rating.ts';
import { TOKEN_BUCKETS } from './token-buckets.ts';
import { bookText, ONE_ROW, orgTerms, ratingTerms, usageEvent } from './usage-event.fixture.ts';
import type { UsageEvent } from './usage-event.ts';

const terms = ratingTerms();

describe('list cost', () => {
  it('is the sum of every bucket at its own rate', () => {
    // 1,000 × $2 + 500 × $0.20 + 40 × $2.50 + 30 × $2.50 + 20 × $4 + 200 × $10 + 100 × $10 per million
    // = 2,000 + 100 + 100 + 75 + 80 + 2,000 + 1,000 = 5,355 µ$; and 3 searches at $10 per 1,000 = 30,000 µ$.
    const event = usageEvent({
      cacheReadTokens: 500,
      cacheWriteTokens: 40,
      cacheWrite5mTokens: 30,
      cacheWrite1hTokens: 20,
      reasoningTokens: 100,
      quantities: { web_search_requests: 3 },
    });
    expect(rateUsage(event, terms)).toEqual({
      model: 'acme/one',
      marketCost: 35_355_000_000n,
      totalCost: 35_355_000_000n,
      surchargeCost: 0n,
      charge: 0n,
      priceBook: 'book-1',
      priceMatch: 'exact',
      unpricedReason: null,
      plan: null,
      ratePlanVersion: null,
      epoch: 'epoch-1',
    });
  });

  it('is rounded once per line, half to even, not once per bucket', () => {
    // $0.0000005 per million = 0.5 picodollars per token. Each bucket alone would round to 0; both together are 1.
    const halves = { ...ONE_ROW, tokens: { input_tokens: '0.0000005', output_tokens: '0.0000005' } };
    const cost = (tokens: Partial<UsageEvent>) =>
      rateUsage(usageEvent(tokens), ratingTerms(bookText([halves]))).marketCost;
    expect(cost({ inputTokens: 1, outputTokens: 1 })).toBe(1n);
    expect(cost({ inputTokens: 1, outputTokens: 0 })).toBe(0n);
    expect(cost({ inputTokens: 3, outputTokens: 0 })).toBe(2n);
  });

  it('stays exact for prices per hour', () => {
    // 37 s at $0.111 per hour: 37,000 ms × 0.111 ÷ 3,600,000 = $0.0011408333… → 1,140,833,333 picodollars.
    const hourly = { ...ONE_ROW, quantities: { audio_ms: { price: '0.111', per: 3_600_000 } } };
    const event = usageEvent({ inputTokens: 0, outputTokens: 0, quantities: { audio_ms: 37_000 } });
    expect(rateUsage(event, ratingTerms(bookText([hourly]))).marketCost).toBe(1_140_833_333n);
  });

  it('adds two prices that both do not divide evenly', () => {
    // $1 ÷ 3 and $1 ÷ 7 = $10 ÷ 21 = $0.476190476190476190… → 476,190,476,190 picodollars.
    const quantities = { images: { price: '1', per: 3 }, pages: { price: '1', per: 7 } };
    const event = usageEvent({ inputTokens: 0, outputTokens: 0, quantities: { images: 1, pages: 1 } });
    expect(rateUsage(event, ratingTerms(bookText([{ ...ONE_ROW, quantities }]))).marketCost).toBe(
      476_190_476_190n,
    );
  });

  it.each(TOKEN_BUCKETS.filter((bucket) => /^(?:input|cache)/.test(bucket)))(
    'decides the band by all input, %s too',
    (bucket) => {
      const free = Object.fromEntries(TOKEN_BUCKETS.map((each) => [bucketColumn(each), '0']));
      const dear = { over_input_tokens: 5, tokens: { ...free, output_tokens: '10' }, quantities: {} };
      const banded = ratingTerms(
        bookText([{ tier: 'standard', tokens: free, quantities: {}, bands: [dear] }]),
      );
      const cost = (count: number) =>
        rateUsage(usageEvent({ inputTokens: 0, outputTokens: 1, [bucket]: count }), banded).marketCost;
      expect(cost(5)).toBe(0n);
      expect(cost(6)).toBe(10_000_000n);
    },
  );

  it('counts the fee of a request once per answer', () => {
    const withFee = ratingTerms(
      bookText([{ ...ONE_ROW, quantities: { requests: { price: '5', per: 1000 } } }]),
    );
    // 1,000 × $2 + 200 × $10 per million = $0.004, and $0.005.
    expect(rateUsage(usageEvent(), withFee).marketCost).toBe(9_000_000_000n);
    expect(rateUsage(usageEvent({ line: 1 }), withFee).marketCost).toBe(4_000_000_000n);
  });

  it('of nothing used is 0, which is not unpriced', () => {
    const event = usageEvent({ inputTokens: 0, outputTokens: 0 });
    expect(rateUsage(event, terms)).toMatchObject({
      marketCost: 0n,
      unpricedReason: null,
      priceMatch: 'exact',
    });
  });
});

describe('unpriced', () => {
  it.each<[string, Partial<UsageEvent>, string]>([
    ['a model that the book does not know', { responseModel: 'nine' }, 'unknown_model'],
    ['a provider that the book does not know', { provider: 'nobody' }, 'unknown_provider'],
    ['no model name at all', { requestModel: null, responseModel: null }, 'no_model'],
    ['a tier served without rates', { serviceTier: 'priority' }, 'tier_without_price'],
    ['a bucket without a rate', { inputAudioTokens: 1 }, 'no_rate_input_audio_tokens'],
    [
      'a quantity without a rate',
      { quantities: { file_search_requests: 1 } },
      'no_rate_file_search_requests',
    ],
    ['an answer without usage', { usageSource: 'none', inputTokens: 0, outputTokens: 0 }, 'no_usage'],
    ['a broken stream without usage', { usageSource: 'none', outcome: 'upstream_reset' }, 'no_usage'],
  ])('is %s', (_, facts, unpricedReason) => {
    const rating = rateUsage(usageEvent(facts), terms);
    expect(rating).toMatchObject({ marketCost: null, totalCost: null, surchargeCost: 0n, unpricedReason });
  });

  it('keeps the best model name there is', () => {
    expect(rateUsage(usageEvent({ responseModel: 'nine' }), terms).model).toBe('nine');
    expect(rateUsage(usageEvent({ responseModel: null, requestModel: 'nine' }), terms).model).toBe('nine');
    expect(rateUsage(usageEvent({ responseModel: '', requestModel: 'one' }), terms).model).toBe('acme/one');
    expect(rateUsage(usageEvent({ responseModel: null, requestModel: null }), terms).model).toBe('');
    expect(rateUsage(usageEvent({ serviceTier: 'priority' }), terms).model).toBe('acme/one');
  });

  it('is not an error that used nothing: that costs 0, whatever model was asked for', () => {
    const failed: Partial<UsageEvent> = {
      usageSource: 'none',
      inputTokens: 0,
      outputTokens: 0,
      responseModel: null,
      requestModel: 'nine',
    };
    const refused = usageEvent({ ...failed, httpStatus: 429, outcome: 'provider_error' });
    expect(rateUsage(refused, terms)).toMatchObject({
      marketCost: 0n,
      totalCost: 0n,
      unpricedReason: null,
      priceMatch: 'none',
    });
    const inStream = usageEvent({ ...failed, httpStatus: 200, outcome: 'provider_error' });
    expect(rateUsage(inStream, terms).marketCost).toBe(0n);
    const aborted = usageEvent({ ...failed, httpStatus: 500, outcome: 'client_abort' });
    expect(rateUsage(aborted, terms).marketCost).toBe(0n);
  });

  it('is not an error that used something: Anthropic bills refusals', () => {
    const event = usageEvent({ httpStatus: 400, outcome: 'provider_error', usageSource: 'partial' });
    expect(rateUsage(event, terms).marketCost).toBe(4_000_000_000n);
  });
});

describe('who pays', () => {
  const fee = ratingTerms(bookText(), orgTerms({ byokFeePerRequest: 100_000_000n }));

  it.each<[UsageEvent['credentialType'], bigint, bigint]>([
    ['system', 4_000_000_000n, 0n],
    ['byok', 100_000_000n, 100_000_000n],
    ['subscription', 0n, 0n],
    ['reserved', 0n, 0n],
  ])('%s: total %d, of it surcharge %d, market cost the same', (credentialType, totalCost, surchargeCost) => {
    const rating = rateUsage(usageEvent({ credentialType }), fee);
    expect(rating).toMatchObject({
      marketCost: 4_000_000_000n,
      totalCost,
      surchargeCost,
      unpricedReason: null,
    });
  });

  it('takes the fee on own keys once per answered operation', () => {
    const byok = (facts: Partial<UsageEvent>) =>
      rateUsage(usageEvent({ credentialType: 'byok', ...facts }), fee).surchargeCost;
    expect(byok({ line: 1 })).toBe(0n);
    expect(byok({ final: false })).toBe(0n);
    expect(byok({ httpStatus: 429, outcome: 'provider_error' })).toBe(0n);
    expect(byok({ httpStatus: 399 })).toBe(100_000_000n);
  });

  it('knows the fee even where the list price is unknown', () => {
    const rating = rateUsage(usageEvent({ credentialType: 'byok', responseModel: 'nine' }), fee);
    expect(rating).toMatchObject({
      marketCost: null,
      totalCost: 100_000_000n,
      unpricedReason: 'unknown_model',
    });
  });

  it('cannot tell the fee of an org it does not know', () => {
    const event = usageEvent({ credentialType: 'byok', orgId: 'stranger' });
    expect(rateUsage(event, fee)).toMatchObject({
      marketCost: 4_000_000_000n,
      totalCost: null,
      surchargeCost: null,
      charge: null,
      unpricedReason: 'unknown_org',
    });
  });

  it.each(['scale', 'PROVISIONED_THROUGHPUT'])(
    'measures reserved capacity (%s) at list price',
    (serviceTier) => {
      const rating = rateUsage(usageEvent({ credentialType: 'reserved', serviceTier }), fee);
      expect(rating).toMatchObject({ marketCost: 4_000_000_000n, totalCost: 0n });
    },
  );
});

describe('a provider configured under a name of its own', () => {
  const kinds = (entries: [string, string][]) => ({ ...terms, providerKinds: new Map(entries) });

  it('is priced as its kind', () => {
    const named = kinds([['maker-eu', 'maker']]);
    expect(rateUsage(usageEvent({ provider: 'maker-eu' }), named).marketCost).toBe(4_000_000_000n);
    expect(rateUsage(usageEvent({ provider: 'else' }), named).unpricedReason).toBe('unknown_provider');
  });

  it('that is the name of another is priced as its kind all the same', () => {
    const [maker] = bookText().providers;
    if (maker === undefined) throw new Error('the fixture has one provider');
    const two = ratingTerms({ providers: [maker, { ...maker, provider: 'other', aliases: [], models: [] }] });
    const rating = rateUsage(usageEvent(), { ...two, providerKinds: new Map([['maker', 'other']]) });
    expect(rating.unpricedReason).toBe('unknown_model');
  });

  it('is priced by its name where its kind has no list', () => {
    expect(rateUsage(usageEvent(), kinds([['maker', 'openai_compatible']])).marketCost).toBe(4_000_000_000n);
  });
});

describe('adjustments', () => {
  it('carry their amounts, and 0 for what they do not adjust', () => {
    const event = usageEvent({
      kind: 'adjustment',
      marketCostDelta: -5n,
      chargeDelta: 7n,
      usageSource: 'none',
    });
    expect(rateUsage(event, terms)).toMatchObject({
      model: 'acme/one',
      marketCost: -5n,
      totalCost: 0n,
      surchargeCost: 0n,
      charge: 7n,
      unpricedReason: null,
    });
  });
});

describe('a rater', () => {
  it('rates warm as it rates cold', () => {
    const bands = [
      { over_input_tokens: 1500, tokens: { input_tokens: '4', output_tokens: '20' }, quantities: {} },
    ];
    const book = bookText([
      { ...ONE_ROW, to: '2026-11-01', bands },
      { ...ONE_ROW, from: '2026-11-01' },
      { ...ONE_ROW, tier: 'flex' },
    ]);
    const varied = ratingTerms(book);
    const events = ['one', 'nine', null].flatMap((responseModel) =>
      [null, 'flex', 'default', 'scale'].flatMap((serviceTier) =>
        [1000, 2000].flatMap((inputTokens) =>
          ['2026-10-31T23:59:59.999Z', '2026-11-01T00:00:00Z'].flatMap((instant) =>
            (['system', 'reserved'] as const).map((credentialType) =>
              usageEvent({
                responseModel,
                serviceTier,
                inputTokens,
                occurredAt: Date.parse(instant),
                credentialType,
              }),
            ),
          ),
        ),
      ),
    );
    const rater = createRater(varied);
    const cold = events.map((event) => rateUsage(event, varied));
    expect(events.map((event) => rater(event))).toEqual(cold);
    expect(events.map((event) => rater(event))).toEqual(cold);
    expect(events.toReversed().map((event) => rater(event))).toEqual(cold.toReversed());
  });

  it('does not mix up names that run together', () => {
    const rater = createRater(terms);
    expect(rater(usageEvent({ provider: 'maker', responseModel: 'one' })).marketCost).toBe(4_000_000_000n);
    expect(rater(usageEvent({ provider: 'make', responseModel: 'rone' })).unpricedReason).toBe(
      'unknown_provider',
    );
    expect(
      rater(usageEvent({ provider: 'maker', responseModel: 'o', serviceTier: 'ne' })).unpricedReason,
    ).toBe('unknown_model');
  });
});
