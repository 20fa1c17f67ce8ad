import { planVersionAt, type RatePlanVersion } from './rate-plan.ts';
import type { UnpricedReason } from './rating.ts';
import type { OrgTerms } from './rating-terms.ts';

/** How an org's customer is charged under one plan during one span of time. */
export interface Charging {
  /** Name of the plan; `null` = none, and nothing is charged. */
  readonly plan: string | null;
  /** `null` with a plan: it cannot charge, see `reason`. */
  readonly version: RatePlanVersion | null;
  readonly reason: UnpricedReason | null;
  /** Epoch milliseconds, half-open; infinite when open. */
  readonly from: number;
  readonly to: number;
}

/** The plan of a request that names none and whose user has none: its key's, else its org's; `null` = none. */
export function defaultPlan(org: OrgTerms, apiKeyId: string | null): string | null {
  const keyPlan = apiKeyId === null ? undefined : org.keyPlans.get(apiKeyId);
  return keyPlan ?? org.plan;
}

/** How a plan of this name charges at `occurredAt` (epoch milliseconds). */
export function findCharging(org: OrgTerms, name: string | null, occurredAt: number): Charging {
  if (name === null) return { plan: null, version: null, reason: null, ...ALWAYS };
  const plan = org.ratePlans.get(name);
  if (plan === undefined) return { plan: name, version: null, reason: 'unknown_plan', ...ALWAYS };
  const version = planVersionAt(plan, occurredAt);
  const next = plan.versions.find(({ from }) => from > occurredAt);
  return {
    plan: name,
    version,
    reason: version === null ? 'plan_not_in_force' : null,
    from: version?.from ?? Number.NEGATIVE_INFINITY,
    to: next?.from ?? Number.POSITIVE_INFINITY,
  };
}

const ALWAYS = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
