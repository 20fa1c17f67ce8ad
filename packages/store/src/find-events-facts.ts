import { bucketColumn, formatAmount, TOKEN_BUCKETS, type UsageEvent } from '@meterstone/metering';

/** A fact of an event as text: how ClickHouse writes it from a raw row called `r`, and how we do from the event. */
interface Fact {
  readonly sql: string;
  readonly of: (event: UsageEvent, userKey: Uint8Array) => string;
}

/** Between the parts of a list; no text of an event that is compared can hold it without being another text. */
const SEPARATOR = '\u0000';

/**
 * What makes two events under one identity the same usage: all that is billed or reported. Left out are what differs
 * between sendings (`ingested_at`, `source_ref`) and evidence, which has a shorter life than its row.
 */
const FACTS: readonly Fact[] = [
  text('org_id', (event) => event.orgId),
  text('kind', (event) => event.kind),
  { sql: 'toString(toUnixTimestamp64Milli(r.occurred_at))', of: (event) => String(event.occurredAt) },
  { sql: 'lower(hex(r.user_key))', of: (_, userKey) => Buffer.from(userKey).toString('hex') },
  text('api_key_id', (event) => event.apiKeyId),
  text('project', (event) => event.project),
  text('plan', (event) => event.plan),
  text('credential_type', (event) => event.credentialType),
  text('provider', (event) => event.provider),
  text('request_model', (event) => event.requestModel),
  text('response_model', (event) => event.responseModel),
  text('operation', (event) => event.operation),
  text('service_tier', (event) => event.serviceTier),
  text('outcome', (event) => event.outcome),
  text('usage_source', (event) => event.usageSource),
  number('attempt', (event) => event.attempt),
  { sql: "if(r.final, '1', '0')", of: (event) => (event.final ? '1' : '0') },
  number('present_buckets', (event) => event.presentBuckets),
  ...TOKEN_BUCKETS.map((bucket) => number(bucketColumn(bucket), (event) => event[bucket])),
  { sql: "arrayStringConcat(r.tags, '\\0')", of: (event) => event.tags.join(SEPARATOR) },
  {
    sql: "arrayStringConcat(arrayMap((k, v) -> concat(k, '=', toString(v)), mapKeys(r.quantities), mapValues(r.quantities)), '\\0')",
    of: ({ quantities }) =>
      Object.keys(quantities)
        .map((name) => `${name}=${quantities[name]}`)
        .join(SEPARATOR),
  },
  amount('market_cost_delta', (event) => event.marketCostDelta),
  amount('total_cost_delta', (event) => event.totalCostDelta),
  amount('surcharge_cost_delta', (event) => event.surchargeCostDelta),
  amount('charge_delta', (event) => event.chargeDelta),
];

/** Each fact from a raw row called `r`. */
export const STORED_FACTS: readonly string[] = FACTS.map(({ sql }) => sql);

/** Each fact of an event, in the same order. */
export function factsOf(event: UsageEvent, userKey: Uint8Array): string[] {
  return FACTS.map((fact) => fact.of(event, userKey));
}

function text(column: string, of: (event: UsageEvent) => string | null): Fact {
  return { sql: `toString(r.${column})`, of: (event) => of(event) ?? '' };
}

function number(column: string, of: (event: UsageEvent) => number): Fact {
  return { sql: `toString(r.${column})`, of: (event) => String(of(event)) };
}

function amount(column: string, of: (event: UsageEvent) => bigint | null): Fact {
  return {
    sql: `ifNull(toString(r.${column}), '')`,
    of: (event) => {
      const pico = of(event);
      return pico === null ? '' : formatAmount(pico);
    },
  };
}
