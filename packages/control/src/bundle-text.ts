import {
  type OrgTerms,
  type PriceBook,
  parseAmount,
  type RatePlan,
  type RatingTerms,
  readRatePlan,
} from '@meterstone/metering';
import { z } from 'zod';
import type { ConfigFile, OrgConfig } from './config-schema.ts';

/**
 * A bundle's content: everything a rating depends on, and nothing else. Lists of pairs instead of maps, sorted,
 * so that two files that say the same in another order have one epoch.
 */
export type BundleContent = z.output<typeof bundleSchema>;

const pairs = z.array(z.tuple([z.string(), z.string()]));

const bundleSchema = z.strictObject({
  format: z.literal(1),
  price_book: z.string(),
  provider_kinds: pairs,
  orgs: z.array(
    z.strictObject({
      org_id: z.string(),
      plan: z.string().nullable(),
      byok_fee_per_request: z.string(),
      user_plans: pairs,
      key_plans: pairs,
      rate_plans: z.array(
        z.strictObject({
          name: z.string(),
          versions: z.array(
            z.strictObject({
              from: z.string(),
              multiplier: z.string(),
              markup_per_million_tokens: z.string(),
              fee_per_request: z.string(),
            }),
          ),
        }),
      ),
    }),
  ),
});

type BundleOrg = BundleContent['orgs'][number];

/** The terms of a configuration as text. The same terms give the same bytes. */
export function toBundleText(config: ConfigFile, priceBookVersion: string): string {
  const content: BundleContent = {
    format: 1,
    price_book: priceBookVersion,
    provider_kinds: sortedPairs(
      Object.entries(config.providers).map(([name, provider]): [string, string] => [name, provider.kind]),
    ),
    orgs: sortedEntries(config.orgs).map(([orgId, org]) => toBundleOrg(orgId, org)),
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

/** Reads a bundle's text; throws a ZodError or SyntaxError when it is none. */
export function parseBundleText(text: string): BundleContent {
  return bundleSchema.parse(JSON.parse(text));
}

/** The terms that a bundle states, over the price book that it names. */
export function toTerms(content: BundleContent, epoch: string, priceBook: PriceBook): RatingTerms {
  return {
    epoch,
    priceBook,
    providerKinds: new Map(content.provider_kinds),
    orgs: new Map(content.orgs.map((org) => [org.org_id, toOrgTerms(org)])),
  };
}

function toBundleOrg(orgId: string, org: OrgConfig): BundleOrg {
  return {
    org_id: orgId,
    plan: org.plan ?? null,
    byok_fee_per_request: org.byok_fee_per_request ?? '0',
    user_plans: sortedPairs(Object.entries(org.users)),
    key_plans: sortedPairs(
      org.keys.flatMap((key): [string, string][] => (key.plan === undefined ? [] : [[key.id, key.plan]])),
    ),
    rate_plans: sortedEntries(org.rate_plans).map(([name, versions]) => ({
      name,
      versions: versions
        .map((version) => ({ ...version, from: new Date(version.from).toISOString() }))
        .sort((a, b) => compareText(a.from, b.from)),
    })),
  };
}

function toOrgTerms(org: BundleOrg): OrgTerms {
  return {
    orgId: org.org_id,
    plan: org.plan,
    byokFeePerRequest: parseAmount(org.byok_fee_per_request),
    userPlans: new Map(org.user_plans),
    keyPlans: new Map(org.key_plans),
    ratePlans: new Map(org.rate_plans.map((plan) => [plan.name, toRatePlan(plan)])),
  };
}

function toRatePlan({ name, versions }: BundleOrg['rate_plans'][number]): RatePlan {
  return readRatePlan(
    name,
    versions.map((version) => ({
      from: Date.parse(version.from),
      multiplier: version.multiplier,
      markupPerMillionTokens: version.markup_per_million_tokens,
      feePerRequest: version.fee_per_request,
    })),
  );
}

function sortedPairs(list: readonly (readonly [string, string])[]): [string, string][] {
  return list.map(([name, value]): [string, string] => [name, value]).sort(([a], [b]) => compareText(a, b));
}

function sortedEntries<T>(map: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(map).sort(([a], [b]) => compareText(a, b));
}

/** By code unit: `localeCompare` would make the order, and with it the epoch, depend on the machine. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
