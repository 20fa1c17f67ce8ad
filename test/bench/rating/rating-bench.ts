import { createRater, type OrgTerms, type RatingTerms, readRatePlan } from '@meterstone/metering';
import { loadPriceBook } from '@meterstone/price-book';
import type { Bench } from '../bench.ts';
import { measured } from '../result-file.ts';
import { summarize } from '../rounds.ts';
import { trafficOrgs } from '../traffic/orgs.ts';
import { createTraffic } from '../traffic/usage-traffic.ts';

const EVENTS = 200_000;
const SHORT_EVENTS = 20_000;
const WARM_UP_PASSES = 2;
const DAY_MS = 86_400_000;

/** Events a second that one thread rates, its memory of look-ups warm, over varied events of all orgs. */
export const ratingBench: Bench = async ({ rounds, events, short, say }) => {
  const now = Date.now();
  const count = events ?? (short ? SHORT_EVENTS : EVENTS);
  const all = [...createTraffic({ events: count, start: now - DAY_MS, end: now, seed: 1 })];
  const rate = createRater(await benchTerms());
  let priced = 0;
  const pass = (): number => {
    const startedAt = performance.now();
    priced = 0;
    for (const event of all) {
      if (rate(event).charge !== null) priced += 1;
    }
    return (all.length * 1000) / (performance.now() - startedAt);
  };
  for (let index = 0; index < WARM_UP_PASSES; index += 1) pass();
  const rates = Array.from({ length: rounds }, pass);
  say(`${priced} of ${all.length} events have a charge`);
  if (priced < all.length * 0.9)
    throw new Error('most events should be priced: the traffic has left the price book');
  return { results: [measured('events_per_s', 'events/s', summarize(rates))], withheld: [] };
};

async function benchTerms(): Promise<RatingTerms> {
  const version = { from: 0, multiplier: '1.2', markupPerMillionTokens: '0.5', feePerRequest: '0.0005' };
  const plans = ['starter', 'pro', 'enterprise'].map(
    (name) => [name, readRatePlan(name, [version])] as const,
  );
  const orgs = trafficOrgs().map(({ orgId }): [string, OrgTerms] => [
    orgId,
    {
      orgId,
      plan: 'starter',
      ratePlans: new Map(plans),
      userPlans: new Map(),
      keyPlans: new Map(),
      byokFeePerRequest: 100_000_000n,
    },
  ]);
  return { epoch: 'bench', priceBook: await loadPriceBook(), orgs: new Map(orgs) };
}
