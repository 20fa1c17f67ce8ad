import { type Charging, findCharging, type OrgTerms } from '@meterstone/metering';

/** A way of charging with its number: the same for all orgs that charge alike. */
export interface KnownCharging {
  readonly charging: Charging;
  readonly byokFeePerRequest: bigint;
  readonly number: number;
}

/** Numbers ways of charging by what they say, so that orgs with the same plans share what is remembered of prices. */
export class ChargingNumbers {
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#numbers.size;
  }

  of(charging: Charging, byokFeePerRequest: bigint): KnownCharging {
    const { version } = charging;
    const said = JSON.stringify([
      charging.plan,
      charging.reason,
      String(charging.from),
      String(charging.to),
      version?.version,
      String(version?.multiplier),
      String(version?.markupPerMillionTokens),
      String(version?.feePerRequest),
      String(byokFeePerRequest),
    ]);
    const number = this.#numbers.get(said) ?? this.#numbers.size;
    this.#numbers.set(said, number);
    return { charging, byokFeePerRequest, number };
  }
}

/** The plans of one org as they charged when last asked about. */
export class OrgChargings {
  readonly #org: OrgTerms;
  readonly #numbers: ChargingNumbers;
  readonly #byPlan = new Map<string | null, KnownCharging>();

  constructor(org: OrgTerms, numbers: ChargingNumbers) {
    this.#org = org;
    this.#numbers = numbers;
  }

  /** How a plan charges at `occurredAt` (epoch milliseconds); `null` = no plan. */
  find(plan: string | null, occurredAt: number): KnownCharging {
    const known = this.#byPlan.get(plan);
    if (known !== undefined && isWithin(known, occurredAt)) {
      return known;
    }
    const found = this.#numbers.of(findCharging(this.#org, plan, occurredAt), this.#org.byokFeePerRequest);
    // Names come with requests: those that are no plans of the org must not fill the memory.
    if (this.#byPlan.size < PLANS_MAX || known !== undefined) {
      this.#byPlan.set(plan, found);
    }
    return found;
  }

  /** As {@link find}, for one who always has the same plan, and remembers how it charged. */
  of(holder: PlanHolder, occurredAt: number): KnownCharging {
    const { charging } = holder;
    if (charging !== null && isWithin(charging, occurredAt)) {
      return charging;
    }
    holder.charging = this.find(holder.plan, occurredAt);
    return holder.charging;
  }
}

/** One who has a plan of the org, or none. */
export interface PlanHolder {
  readonly plan: string | null;
  /** How it charged when last asked about; `null` = never. */
  charging: KnownCharging | null;
}

const PLANS_MAX = 100;

function isWithin({ charging }: KnownCharging, occurredAt: number): boolean {
  return occurredAt >= charging.from && occurredAt < charging.to;
}
