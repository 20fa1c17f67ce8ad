import { type Rating, TOKEN_BUCKETS, type UsageEvent } from '@meterstone/metering';

/** The amounts that are compared, in the order in which they are listed. */
export const AMOUNTS = ['marketCost', 'totalCost', 'surchargeCost', 'charge'] as const;

/** What must stand in raw for one line of one attempt, and nothing else. */
export interface Expected {
  readonly operationId: string;
  readonly line: number;
  /** UUID text; `null` = the proxy chose it. */
  readonly eventId: string | null;
  readonly orgId: string;
  /** In the order of `TOKEN_BUCKETS`. */
  readonly tokens: readonly number[];
  /** In the order of `AMOUNTS`, picodollars; `null` = unpriced. */
  readonly amounts: readonly (bigint | null)[];
}

/** Identity of what is expected: the generator gives each event an operation of its own. */
export function expectedKey({ operationId, line }: { operationId: string; line: number }): string {
  return `${operationId}/${line}`;
}

/** What an event and its rating must become. */
export function expectedOf(event: UsageEvent, rating: Rating, eventId: string | null): Expected {
  return {
    operationId: event.operationId,
    line: event.line,
    eventId,
    orgId: event.orgId,
    tokens: TOKEN_BUCKETS.map((bucket) => event[bucket]),
    amounts: AMOUNTS.map((name) => rating[name]),
  };
}

/** Sums per org over what is expected: rows, then each token bucket, then each amount. Unpriced ones add nothing. */
export type Sums = Map<string, bigint[]>;

/** Names of the sums, in their order. */
export const SUM_NAMES = ['rows', ...TOKEN_BUCKETS, ...AMOUNTS] as const;

/** Adds what is expected to the sums. */
export function addToSums(sums: Sums, { orgId, tokens, amounts }: Expected): void {
  const values = [1n, ...tokens.map(BigInt), ...amounts.map((amount) => amount ?? 0n)];
  const before = sums.get(orgId);
  sums.set(
    orgId,
    values.map((value, index) => value + (before?.[index] ?? 0n)),
  );
}
