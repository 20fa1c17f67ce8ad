import { createHash } from 'node:crypto';
import { TRAFFIC_MODELS, type TrafficModel } from './usage-shapes.ts';

/** One org of the traffic. */
export interface TrafficOrg {
  readonly orgId: string;
  /** Share of all events. */
  readonly share: number;
  readonly keys: readonly { readonly id: string; readonly project: string }[];
  readonly users: number;
  readonly models: readonly TrafficModel[];
  readonly tagSets: readonly (readonly string[])[];
}

const ORGS = 220;
/** The largest org has a third of the traffic; the others share the rest, by rank. */
const LARGEST_SHARE = 0.35;
const LARGEST_USERS = 50_000;
const USERS = { min: 10, max: 3_000 };
const MODELS_PER_ORG = 5;
const PROJECTS = ['chat', 'search', 'summaries', 'support'];
const FEATURES = 20;
const ENVIRONMENTS = ['production', 'staging'];
const TEAMS = ['core', 'growth', 'platform', 'sales'];

/** The orgs, the largest first. */
export function trafficOrgs(): TrafficOrg[] {
  const ranks = Array.from({ length: ORGS }, (_, rank) => rank);
  const weight = (rank: number) => rank ** -0.7;
  const total = ranks.slice(1).reduce((sum, rank) => sum + weight(rank), 0);
  return ranks.map((rank) => ({
    orgId: `org-${String(rank).padStart(3, '0')}`,
    share: rank === 0 ? LARGEST_SHARE : ((1 - LARGEST_SHARE) * weight(rank)) / total,
    users: rank === 0 ? LARGEST_USERS : Math.max(USERS.min, Math.floor(USERS.max * weight(rank))),
    keys: PROJECTS.map((project, index) => ({ id: `key_${rank}_${index}`, project })),
    models: Array.from({ length: MODELS_PER_ORG }, (_, index) => modelAt(rank + 3 * index)),
    tagSets: TAG_SETS,
  }));
}

function modelAt(number: number): TrafficModel {
  const model = TRAFFIC_MODELS[number % TRAFFIC_MODELS.length];
  if (model === undefined) throw new RangeError('no models');
  return model;
}

const TAG_SETS = Array.from({ length: FEATURES }, (_, feature) =>
  ENVIRONMENTS.flatMap((environment) =>
    TEAMS.map((team) => [`env:${environment}`, `feature:f${feature}`, `team:${team}`]),
  ),
).flat();

/** The key with which an org's reports are asked for. */
export function reportKeyOf(orgId: string): string {
  return `mst_report-${orgId}`;
}

/** The key of the proxy's load, of the first org. */
export const PROXY_KEY = 'mst_bench-proxy-key';

/** A configuration of all orgs, three rate plans each; `baseUrl` is where every provider stands. */
export function trafficConfig(baseUrl: string): object {
  const names = ['openai', 'anthropic', 'mistral', 'groq', 'deepseek'];
  const provider = (kind: string) => ({ kind, base_url: baseUrl, credential: 'env:BENCH_PROVIDER_KEY' });
  return {
    providers: Object.fromEntries(names.map((name) => [name, provider(name)])),
    orgs: Object.fromEntries(trafficOrgs().map((org) => [org.orgId, orgConfig(org)])),
  };
}

const RATE_PLANS = {
  starter: [
    { from: '2024-01-01', multiplier: '1.1' },
    { from: '2026-01-01', multiplier: '1.2', fee_per_request: '0.0005' },
  ],
  pro: [{ from: '2024-01-01', multiplier: '1.35', markup_per_million_tokens: '0.5' }],
  enterprise: [{ from: '2024-01-01', multiplier: '1.05' }],
};

function orgConfig({ orgId, keys }: TrafficOrg): object {
  const proxyKey = { ...keyConfig('key_proxy', PROXY_KEY, 'proxy'), project: 'chat' };
  return {
    name: orgId,
    plan: 'starter',
    byok_fee_per_request: '0.0001',
    rate_plans: RATE_PLANS,
    users: Object.fromEntries(Array.from({ length: 20 }, (_, user) => [userName(orgId, user), 'pro'])),
    keys: [
      ...keys.map(({ id, project }) => ({ ...keyConfig(id, `mst_${orgId}-${id}`, 'proxy'), project })),
      keyConfig(`key_report_${orgId}`, reportKeyOf(orgId), 'report'),
      ...(orgId === trafficOrgs()[0]?.orgId ? [proxyKey] : []),
    ],
  };
}

function keyConfig(id: string, key: string, scope: string): object {
  return { id, name: id, sha256: createHash('sha256').update(key).digest('hex'), scopes: [scope] };
}

/** Name of an org's user by number. */
export function userName(orgId: string, user: number): string {
  return `customer-${user}@${orgId}.example`;
}
