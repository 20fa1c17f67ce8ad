import { NO_TOKENS, TOKEN_BUCKETS } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockFacts } from './block-facts.ts';
import { exampleEvent, exampleTools } from './example.ts';

const { rate } = exampleTools();
const noSums = () => Object.fromEntries(TOKEN_BUCKETS.map((bucket) => [bucket, 0n]));

describe('the facts of a block', () => {
  it('sum up exactly, beyond what a number holds', () => {
    const count = fc.integer({ min: -900_000_000_000_000, max: 900_000_000_000_000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(count, count), { maxLength: 40 }), (counts) => {
        const facts = new BlockFacts();
        for (const [inputTokens, cacheWrite1hTokens] of counts) {
          const event = exampleEvent(1, { inputTokens, cacheWrite1hTokens });
          facts.add(event, {
            ...rate(exampleEvent(1)),
            marketCost: BigInt(inputTokens) * 10n ** 12n,
            charge: null,
          });
        }
        const sum = (index: 0 | 1) => counts.reduce((total, pair) => total + BigInt(pair[index]), 0n);
        const { tokens, amounts } = facts.sums();
        expect(tokens).toMatchObject({
          inputTokens: sum(0),
          cacheWrite1hTokens: sum(1),
          outputImageTokens: 0n,
        });
        expect(amounts).toMatchObject({ marketCost: sum(0) * 10n ** 12n, charge: 0n });
        expect(facts.sums()).toEqual({ tokens, amounts });
      }),
    );
  });

  it.each(TOKEN_BUCKETS)('sum up %s under its own name', (bucket) => {
    const facts = new BlockFacts();
    facts.add(exampleEvent(1, { ...NO_TOKENS, [bucket]: 7 }), rate(exampleEvent(1)));
    expect(facts.sums().tokens).toEqual({ ...noSums(), [bucket]: 7n });
  });

  it.each(['marketCost', 'totalCost', 'surchargeCost', 'charge'] as const)(
    'sum up %s, however large',
    (amount) => {
      const nothing = { marketCost: null, totalCost: null, surchargeCost: null, charge: null };
      const facts = new BlockFacts();
      for (const pico of [10n ** 25n, 3n, -1n]) {
        facts.add(exampleEvent(1), { ...rate(exampleEvent(1)), ...nothing, [amount]: pico });
      }
      const none = { marketCost: 0n, totalCost: 0n, surchargeCost: 0n, charge: 0n };
      expect(facts.sums().amounts).toEqual({ ...none, [amount]: 10n ** 25n + 2n });
    },
  );

  it('sum up small numbers as they do objects', () => {
    const event = exampleEvent(1);
    const rating = rate(event);
    const [whole, small] = [new BlockFacts(), new BlockFacts()];
    whole.add(event, { ...rating, totalCost: null });
    small.addOrg(event.orgId);
    small.addSmall(
      event,
      Float64Array.from(TOKEN_BUCKETS, (bucket) => event[bucket]),
      {
        marketCost: Number(rating.marketCost),
        totalCost: -1,
        surchargeCost: Number(rating.surchargeCost),
        charge: Number(rating.charge),
      },
    );
    expect([small.sums(), small.scope(), small.ingestedAtMax]).toEqual([
      whole.sums(),
      whole.scope(),
      whole.ingestedAtMax,
    ]);
  });

  it('say what rows touch, each org and quarter of an hour once, and when the latest came in', () => {
    const facts = new BlockFacts();
    expect(facts).toMatchObject({ ingestedAtMax: null });
    const quarter = 900_000;
    for (const [orgId, occurredAt] of [
      ['acme', 10 * quarter],
      ['acme', 11 * quarter - 1],
      ['bolt', 12 * quarter],
    ] as const) {
      const event = exampleEvent(1, { orgId, occurredAt, ingestedAt: occurredAt + 5 });
      facts.add(event, rate(event));
    }
    expect(facts.scope()).toEqual({ orgIds: ['acme', 'bolt'], quarters: [10 * quarter, 12 * quarter] });
    expect(facts.ingestedAtMax).toBe(12 * quarter + 5);
  });
});
