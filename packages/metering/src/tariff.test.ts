import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultPlan, findCharging } from './charging.ts';
import type { RowText } from './price-book-text.ts';
import { rateByTariff, type SmallAmounts } from './rate-by-tariff.ts';
import { readRatePlan } from './rate-plan.ts';
import { rateUsage } from './rate-usage.ts';
import type { OrgTerms, RatingTerms } from './rating-terms.ts';
import { findTariff, type Tariff } from './tariff.ts';
import { NO_TOKENS, TOKEN_BUCKETS } from './token-buckets.ts';
import { bookText, ONE_ROW, orgTerms, ratingTerms, usageEvent } from './usage-event.fixture.ts';
import type { UsageEvent } from './usage-event.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');

const decimal = (wholeMax: number) =>
  fc
    .tuple(fc.nat(wholeMax), fc.constantFrom('', '.5', '.05', '.000001', '.123456', '.333333'))
    .map(([whole, rest]) => `${whole}${rest}`);
const price = fc.option(decimal(900), { nil: undefined });
const count = fc.oneof(
  { weight: 6, arbitrary: fc.nat(300_000) },
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 900_000_000_000_000 }) },
);
const rates = fc
  .record({
    input_tokens: price,
    cache_read_tokens: price,
    cache_write_1h_tokens: price,
    output_tokens: price,
    output_audio_tokens: price,
  })
  .map((tokens) => Object.fromEntries(Object.entries(tokens).filter(([, each]) => each !== undefined)))
  .map((tokens) => tokens as Record<string, string>); // What is absent is filtered out.
const requestFee = fc
  .option(decimal(3), { nil: undefined })
  .map((fee) => (fee === undefined ? {} : { requests: { price: fee, per: 1 } }));
const row: fc.Arbitrary<RowText> = fc
  .record({
    tier: fc.constantFrom('standard', 'flex'),
    tokens: rates,
    quantities: requestFee,
    span: fc.constantFrom({}, { from: '2026-11-24' }, { to: '2026-11-25' }),
    window: fc.constantFrom(
      {},
      { window: { from: '11:00', to: '13:00' } },
      { window: { from: '22:00', to: '06:00', weekdays: ['tue', 'wed'] } },
    ),
    banded: fc.option(fc.record({ tokens: rates, quantities: fc.constant({}) }), { nil: null }),
  })
  .map(({ span, window, banded, ...facts }) => ({
    ...facts,
    ...span,
    ...window,
    ...(banded === null ? {} : { bands: [{ over_input_tokens: 200_000, ...banded }] }),
  }));
const version = fc.record({
  from: fc.constantFrom(0, NOON, NOON + 3_600_000),
  multiplier: fc.oneof(decimal(3), fc.constant('0'), fc.constant('1.000000000001')),
  markupPerMillionTokens: fc.oneof(fc.constant('0'), decimal(9)),
  feePerRequest: fc.oneof(fc.constant('0'), fc.constant('0.0005'), decimal(2)),
});
const org: fc.Arbitrary<OrgTerms> = fc
  .record({
    plan: fc.constantFrom(null, 'starter', 'gone'),
    versions: fc.uniqueArray(version, { minLength: 1, maxLength: 3, selector: ({ from }) => from }),
    user: fc.constantFrom([], [['customer-1', 'pro'] as const]),
    key: fc.constantFrom([], [['key-1', 'gone'] as const]),
    byokFeePerRequest: fc.constantFrom(0n, 100_000_000n, 10n ** 20n),
  })
  .map(({ versions, user, key, ...facts }) =>
    orgTerms({
      ...facts,
      ratePlans: new Map([
        ['starter', readRatePlan('starter', versions)],
        ['pro', readRatePlan('pro', versions.slice(0, 1))],
      ]),
      userPlans: new Map(user),
      keyPlans: new Map(key),
    }),
  );
const event: fc.Arbitrary<UsageEvent> = fc
  .record({
    counts: fc.array(count, { minLength: TOKEN_BUCKETS.length, maxLength: TOKEN_BUCKETS.length }),
    only: fc.constantFrom(TOKEN_BUCKETS.length, 10, 1),
    line: fc.constantFrom(0, 0, 1),
    final: fc.boolean(),
    occurredAt: fc.constantFrom(NOON, NOON - 1, NOON + 3_600_000, NOON + 86_400_000 - 1, NOON - 86_400_000),
    plan: fc.constantFrom(null, null, 'pro', 'gone', ''),
    user: fc.constantFrom('customer-1', 'customer-2', null),
    apiKeyId: fc.constantFrom('key-1', 'key-2', null),
    credentialType: fc.constantFrom('system', 'byok', 'subscription', 'reserved'),
    provider: fc.constantFrom('maker', 'maker', 'maker', 'other'),
    responseModel: fc.constantFrom('one', 'one', 'one', 'nine', null, ''),
    requestModel: fc.constantFrom('one', null),
    serviceTier: fc.constantFrom(null, 'flex', 'scale', 'Default'),
    httpStatus: fc.constantFrom(200, 429, null),
    outcome: fc.constantFrom('ok', 'provider_error', 'client_abort'),
    usageSource: fc.constantFrom('reported', 'reported', 'estimated', 'none'),
  })
  .map(({ counts, only, ...facts }) =>
    usageEvent({
      ...(facts as Partial<UsageEvent>), // Their literal types are lost on the way.
      ...NO_TOKENS,
      ...Object.fromEntries(TOKEN_BUCKETS.slice(0, only).map((bucket, index) => [bucket, counts[index]])),
    }),
  );

function tariffOf(each: UsageEvent, terms: RatingTerms): Tariff | null {
  const known = terms.orgs.get(each.orgId) ?? orgTerms();
  const userPlan = each.user === null ? undefined : known.userPlans.get(each.user);
  const plan = each.plan ?? userPlan ?? defaultPlan(known, each.apiKeyId);
  const { byokFeePerRequest } = known;
  return findTariff(each, terms, { charging: findCharging(known, plan, each.occurredAt), byokFeePerRequest });
}

/** The rating that a tariff gives; `null` = it does not say. */
function rateWith(tariff: Tariff, each: UsageEvent, terms: RatingTerms) {
  const amounts: SmallAmounts = { marketCost: 0, totalCost: 0, surchargeCost: 0, charge: 0 };
  const counts = Float64Array.from(TOKEN_BUCKETS, (bucket) => each[bucket]);
  if (!rateByTariff(tariff, counts, amounts)) return null;
  const { model, priceMatch, unpricedReason, plan, ratePlanVersion } = tariff;
  const large = (pico: number) => (pico < 0 ? null : BigInt(pico));
  return {
    model,
    marketCost: large(amounts.marketCost),
    totalCost: large(amounts.totalCost),
    surchargeCost: large(amounts.surchargeCost),
    charge: large(amounts.charge),
    priceBook: terms.priceBook.version,
    priceMatch,
    unpricedReason,
    plan,
    ratePlanVersion,
    epoch: terms.epoch,
  };
}

describe('a tariff', () => {
  it('rates as `rateUsage` does, or does not say', () => {
    let said = 0;
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        org,
        fc.array(event),
        (rows, known, events) => {
          const terms = ratingTerms(bookText(rows), known);
          for (const each of events) {
            const tariff = tariffOf(each, terms);
            const rating = tariff === null ? null : rateWith(tariff, each, terms);
            if (rating !== null) expect(rating).toEqual(rateUsage(each, terms));
            said += rating === null ? 0 : 1;
          }
        },
      ),
      { numRuns: 1_000 },
    );
    expect(said).toBeGreaterThan(1_000);
  });

  it('holds for other times and sizes within its bounds, and only there', () => {
    const alike = fc.record({
      occurredAt: fc.integer({ min: NOON - 2e8, max: NOON + 2e8 }),
      inputTokens: count,
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        org,
        event,
        fc.array(alike),
        (rows, known, each, others) => {
          const terms = ratingTerms(bookText(rows), known);
          const first = { ...each, ...NO_TOKENS, inputTokens: 10 };
          const tariff = tariffOf(first, terms);
          expect(tariff === null || holds(tariff, first)).toBe(true);
          for (const facts of others) {
            const other = { ...first, ...facts };
            const rating = tariff === null || !holds(tariff, other) ? null : rateWith(tariff, other, terms);
            if (rating !== null) expect(rating).toEqual(rateUsage(other, terms));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('rounds half a picodollar to the even one', () => {
    const terms = ratingTerms(bookText([{ ...ONE_ROW, tokens: { input_tokens: '0.0000005' } }]));
    for (const [inputTokens, pico] of [
      [1, 0n],
      [2, 1n],
      [3, 2n],
      [5, 2n],
    ] as const) {
      const each = usageEvent({ inputTokens, outputTokens: 0 });
      const tariff = tariffOf(each, terms);
      const rating = tariff === null ? null : rateWith(tariff, each, terms);
      expect(rating).toMatchObject({ marketCost: pico, totalCost: pico });
      expect(rateUsage(each, terms).marketCost).toBe(pico);
    }
  });

  it('stays exact up to thousands of dollars, and does not say where it would not be', () => {
    const known = orgTerms({
      plan: 'p',
      ratePlans: new Map([
        [
          'p',
          readRatePlan('p', [
            { from: 0, multiplier: '1.35', markupPerMillionTokens: '0.5', feePerRequest: '0.0005' },
          ]),
        ],
      ]),
    });
    const terms = ratingTerms(bookText([ONE_ROW]), known);
    // $2 a million: 900 million tokens are $1,800, 900 trillion are more picodollars than 53 bits hold.
    for (const [inputTokens, isSaid] of [
      [900_000_000, true],
      [900_000_000_000_000, false],
    ] as const) {
      const each = usageEvent({ inputTokens });
      const tariff = tariffOf(each, terms);
      const rating = tariff === null ? null : rateWith(tariff, each, terms);
      expect(rating).toEqual(isSaid ? rateUsage(each, terms) : null);
    }
  });
});

function holds({ from, to, inputOver, inputMax }: Tariff, { occurredAt, ...each }: UsageEvent): boolean {
  const input = TOKEN_BUCKETS.slice(0, 9).reduce((sum, bucket) => sum + each[bucket], 0);
  return occurredAt >= from && occurredAt < to && input > inputOver && input <= inputMax;
}
