import fc from 'fast-check';
import Fraction from 'fraction.js';
import { describe, expect, it } from 'vitest';
import { readRatePlan } from './rate-plan.ts';
import { rateUsage } from './rate-usage.ts';
import { bucketColumn } from './rating.ts';
import { NO_TOKENS, TOKEN_BUCKETS, type TokenBucket } from './token-buckets.ts';
import { bookText, orgTerms, ratingTerms, usageEvent } from './usage-event.fixture.ts';

const priced: readonly TokenBucket[] = [
  'inputTokens',
  'cacheReadTokens',
  'cacheWrite1hTokens',
  'outputTokens',
  'outputAudioTokens',
];
const count = fc.nat(2_000_000);
/** Dollars per million with up to 6 decimals, as catalogues have them. */
const price = fc
  .tuple(fc.nat(900), fc.nat(999_999))
  .map(([whole, rest]) => `${whole}.${String(rest).padStart(6, '0')}`);
const factor = fc
  .tuple(fc.nat(9), fc.nat(999_999))
  .map(([whole, rest]) => `${whole}.${String(rest).padStart(6, '0')}`);

const scenario = fc.record({
  prices: fc.array(price, { minLength: priced.length, maxLength: priced.length }),
  counts: fc.array(count, { minLength: priced.length, maxLength: priced.length }),
  searches: fc.nat(50),
  audioMs: fc.nat(10_000_000),
  hourly: price,
  multiplier: factor,
  markup: factor,
  fee: factor,
});
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

describe('rating against exact fractions', () => {
  it('gives the nearest picodollar of cost and of charge', () => {
    fc.assert(
      fc.property(scenario, (facts) => {
        const rating = rate(facts, facts.counts);
        const million = new Fraction(1, 1_000_000);
        const tokens = facts.counts.reduce((sum, each) => sum + each, 0);
        const tokenCost = facts.counts.reduce(
          (sum, each, index) => sum.add(new Fraction(facts.prices[index] ?? 0).mul(each).mul(million)),
          new Fraction(0),
        );
        const audio = new Fraction(facts.hourly).mul(facts.audioMs).div(3_600_000);
        const cost = tokenCost.add(audio).add(new Fraction(facts.searches, 100));
        const charge = cost
          .mul(new Fraction(facts.multiplier))
          .add(new Fraction(facts.markup).mul(tokens).mul(million))
          .add(new Fraction(facts.fee));
        expect(rating.marketCost).toBe(nearestPicodollar(cost));
        expect(rating.charge).toBe(nearestPicodollar(charge));
      }),
    );
  });

  it('is additive: two halves cost what the whole costs, within their own two roundings', () => {
    fc.assert(
      fc.property(scenario, (facts) => {
        const parts = { ...facts, searches: 0, audioMs: 0 };
        const whole =
          rate(
            parts,
            facts.counts.map((each) => each * 2),
          ).marketCost ?? 0n;
        const half = rate(parts, facts.counts).marketCost ?? 0n;
        const difference = whole - 2n * half;
        expect(difference >= -1n && difference <= 1n).toBe(true);
      }),
    );
  });
});

function rate(facts: Scenario, counts: readonly number[]) {
  const tokens = Object.fromEntries(
    priced.map((bucket, index) => [bucketColumn(bucket), facts.prices[index] ?? '0']),
  );
  const quantities = {
    web_search_requests: { price: '10', per: 1000 },
    audio_ms: { price: facts.hourly, per: 3_600_000 },
  };
  const plan = readRatePlan('p', [
    { from: 0, multiplier: facts.multiplier, markupPerMillionTokens: facts.markup, feePerRequest: facts.fee },
  ]);
  const org = orgTerms({ plan: 'p', ratePlans: new Map([['p', plan]]) });
  const used = Object.fromEntries(priced.map((bucket, index) => [bucket, counts[index] ?? 0]));
  const event = usageEvent({
    ...NO_TOKENS,
    ...used,
    quantities: { web_search_requests: facts.searches, audio_ms: facts.audioMs },
  });
  return rateUsage(event, ratingTerms(bookText([{ tier: 'standard', tokens, quantities }]), org));
}

function nearestPicodollar(dollars: Fraction): bigint {
  const pico = dollars.mul(10n ** 12n);
  const below = pico.floor();
  const floor = below.s * below.n;
  const twiceRest = pico.sub(below).mul(2).compare(1);
  if (twiceRest === 0) return floor % 2n === 0n ? floor : floor + 1n;
  return twiceRest < 0 ? floor : floor + 1n;
}

describe('names of buckets', () => {
  it('are those of Avro and ClickHouse', () => {
    expect(TOKEN_BUCKETS.map(bucketColumn)).toEqual([
      'input_tokens',
      'input_audio_tokens',
      'input_image_tokens',
      'input_video_tokens',
      'cache_read_tokens',
      'cache_read_audio_tokens',
      'cache_write_tokens',
      'cache_write_5m_tokens',
      'cache_write_1h_tokens',
      'output_tokens',
      'reasoning_tokens',
      'output_audio_tokens',
      'output_image_tokens',
    ]);
  });
});
