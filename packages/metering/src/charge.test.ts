import { describe, expect, it } from 'vitest';
import { type RatePlanVersionText, readRatePlan } from './rate-plan.ts';
import { rateUsage } from './rate-usage.ts';
import type { OrgTerms } from './rating-terms.ts';
import { bookText, ONE_ROW, orgTerms, ratingTerms, usageEvent } from './usage-event.fixture.ts';
import type { UsageEvent } from './usage-event.ts';

const free: RatePlanVersionText = {
  from: 0,
  multiplier: '0',
  markupPerMillionTokens: '0',
  feePerRequest: '0',
};

/** An org with the plan `p` of one version for everyone. */
function org(version: Partial<RatePlanVersionText>): OrgTerms {
  return orgTerms({ plan: 'p', ratePlans: new Map([['p', readRatePlan('p', [{ ...free, ...version }])]]) });
}

function charge(version: Partial<RatePlanVersionText>, facts: Partial<UsageEvent> = {}, input = '2') {
  const book = bookText([{ ...ONE_ROW, tokens: { ...ONE_ROW.tokens, input_tokens: input } }]);
  return rateUsage(usageEvent(facts), ratingTerms(book, org(version))).charge;
}

describe('cost-plus', () => {
  it('adds multiplier, markup and fee', () => {
    // List cost $0.004 × 1.2 = $0.0048; 1,200 tokens × $0.50 per million = $0.0006; fee $0.001. Sum $0.0064.
    const all = { multiplier: '1.2', markupPerMillionTokens: '0.5', feePerRequest: '0.001' };
    expect(charge(all)).toBe(6_400_000_000n);
  });

  it('comes from the exact list cost, not from the rounded one', () => {
    // 1 token at $0.0000004 per million = 0.4 picodollars: list cost 0. Ten times as much is 4, not 10 × 0.
    const event = { inputTokens: 1, outputTokens: 0 };
    expect(charge({ multiplier: '10' }, event, '0.0000004')).toBe(4n);
    // 0.6 picodollars: list cost 1. Ten times as much is 6, not 10 × 1.
    expect(charge({ multiplier: '10' }, event, '0.0000006')).toBe(6n);
  });

  it('rounds the sum once, half to even', () => {
    // 0.25 picodollars of list cost and 0.25 of markup are 0.5 → 0; with a third quarter they are 0.75 → 1.
    const event = { inputTokens: 1, outputTokens: 0 };
    expect(charge({ multiplier: '1', markupPerMillionTokens: '0.00000025' }, event, '0.00000025')).toBe(0n);
    expect(charge({ multiplier: '2', markupPerMillionTokens: '0.00000025' }, event, '0.00000025')).toBe(1n);
    expect(charge({ markupPerMillionTokens: '0.0000015' }, event)).toBe(2n);
    expect(charge({ markupPerMillionTokens: '1.5' }, { inputTokens: 1, outputTokens: 0 })).toBe(1_500_000n);
  });

  it('marks up tokens of every bucket', () => {
    // 1,000 + 200 + 10 + 20 + 30 + 40 + 50 tokens at $1 per million.
    const more = {
      cacheReadTokens: 10,
      cacheWriteTokens: 20,
      cacheWrite5mTokens: 30,
      cacheWrite1hTokens: 40,
      reasoningTokens: 50,
    };
    expect(charge({ markupPerMillionTokens: '1' }, more)).toBe(1_350_000_000n);
  });

  it('bills the customer by list price whoever pays the provider', () => {
    expect(charge({ multiplier: '1.5' }, { credentialType: 'byok' })).toBe(6_000_000_000n);
    expect(charge({ multiplier: '1.5' }, { credentialType: 'reserved' })).toBe(6_000_000_000n);
  });
});

describe('the fee of a request', () => {
  const fee = { feePerRequest: '0.001' };

  it.each<[string, Partial<UsageEvent>, bigint]>([
    ['an answered request', {}, 1_000_000_000n],
    ['a redirect', { httpStatus: 399 }, 1_000_000_000n],
    ['an event without status whose outcome is ok', { httpStatus: null }, 1_000_000_000n],
    ['a further line of the answer', { line: 1 }, 0n],
    ['an attempt that another followed', { final: false }, 0n],
    ['a refused request', { httpStatus: 400, outcome: 'provider_error' }, 0n],
    ['a request that never got a status', { httpStatus: null, outcome: 'timeout' }, 0n],
  ])('for %s', (_, facts, amount) => {
    expect(charge(fee, facts)).toBe(amount);
  });
});

describe('the plan', () => {
  const plan = (name: string, multiplier: string) =>
    [name, readRatePlan(name, [{ ...free, multiplier }])] as const;
  const ratePlans = new Map([
    plan('of-request', '1'),
    plan('of-user', '2'),
    plan('of-key', '3'),
    plan('of-org', '4'),
  ]);
  const assigned = orgTerms({
    plan: 'of-org',
    ratePlans,
    userPlans: new Map([['customer-1', 'of-user']]),
    keyPlans: new Map([['key-1', 'of-key']]),
  });

  it.each<[string, Partial<UsageEvent>]>([
    ['of-request', { plan: 'of-request' }],
    ['of-user', {}],
    ['of-key', { user: null }],
    ['of-key', { user: 'customer-2' }],
    ['of-org', { user: null, apiKeyId: null }],
    ['of-org', { user: 'customer-2', apiKeyId: 'key-2' }],
  ])('is the nearest one assigned: %s for %j', (name, facts) => {
    const rating = rateUsage(usageEvent(facts), ratingTerms(bookText(), assigned));
    expect(rating).toMatchObject({ plan: name, ratePlanVersion: `${name}@1970-01-01`, unpricedReason: null });
  });

  it('that nobody has charges 0', () => {
    expect(rateUsage(usageEvent(), ratingTerms())).toMatchObject({
      charge: 0n,
      plan: null,
      unpricedReason: null,
    });
  });

  it('that is unknown leaves the charge unpriced and the cost priced', () => {
    const rating = rateUsage(usageEvent({ plan: 'gold' }), ratingTerms(bookText(), assigned));
    expect(rating).toMatchObject({
      marketCost: 4_000_000_000n,
      charge: null,
      plan: 'gold',
      ratePlanVersion: null,
      unpricedReason: 'unknown_plan',
    });
  });

  it('that begins later does not charge yet', () => {
    const later = org({ from: Date.parse('2027-01-01T00:00:00Z') });
    const rating = rateUsage(usageEvent(), ratingTerms(bookText(), later));
    expect(rating).toMatchObject({ charge: null, unpricedReason: 'plan_not_in_force' });
  });

  it('changes by the time of the request', () => {
    const from = Date.parse('2026-11-24T12:00:00Z');
    const versions = [
      { ...free, multiplier: '1' },
      { ...free, from, multiplier: '3' },
    ];
    const terms = ratingTerms(
      bookText(),
      orgTerms({ plan: 'p', ratePlans: new Map([['p', readRatePlan('p', versions)]]) }),
    );
    expect(rateUsage(usageEvent({ occurredAt: from - 1 }), terms).charge).toBe(4_000_000_000n);
    expect(rateUsage(usageEvent({ occurredAt: from }), terms).charge).toBe(12_000_000_000n);
  });

  it('cannot multiply a list price that is unknown', () => {
    expect(charge({ multiplier: '1.2', feePerRequest: '1' }, { responseModel: 'nine' })).toBeNull();
  });

  it('that does not build on list prices charges unknown models too', () => {
    const rating = rateUsage(
      usageEvent({ responseModel: 'nine' }),
      ratingTerms(bookText(), org({ feePerRequest: '0.001' })),
    );
    expect(rating).toMatchObject({
      marketCost: null,
      charge: 1_000_000_000n,
      unpricedReason: 'unknown_model',
    });
  });
});
