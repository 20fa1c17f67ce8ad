import type { RelayMoment } from '../support/tcp-relay.ts';
import type { Chance } from './random.ts';

/** What a relay waits for before it strikes. */
export interface Aim {
  /** The insert of a block, or of a ledger row. */
  readonly request: 'rows' | 'ledger';
  readonly moment: RelayMoment;
  /** How far into the forwarding, where that is the moment. */
  readonly delayMs: number;
}

/** One thing that goes wrong. Everything that dies is started again at once, unless it says otherwise. */
export type Fault =
  | { readonly kind: 'kill_aggregator'; readonly aim: Aim | null }
  | { readonly kind: 'kill_clickhouse'; readonly aim: Aim | null }
  | { readonly kind: 'kill_kafka' }
  | { readonly kind: 'kill_proxy' }
  /** A further aggregator joins, or one leaves in peace: a live rebalance. */
  | { readonly kind: 'add_aggregator' }
  | { readonly kind: 'remove_aggregator' }
  /** It stands still until its place in the group is lost, and goes on with rows in hand. */
  | { readonly kind: 'pause_aggregator'; readonly pauseMs: number }
  /** The clock of a process jumps, in either direction. */
  | { readonly kind: 'jump_clock'; readonly service: 'proxy' | 'aggregator'; readonly shiftMs: number }
  /** The connection ends when the request is done and before its answer arrives. */
  | { readonly kind: 'lose_insert_answer' }
  | { readonly kind: 'lose_commit_answer' }
  | { readonly kind: 'lose_produce_answer' };

export type FaultKind = Fault['kind'];

/** Longer than the session of a consumer. */
const PAUSE_MS = 13_000;

/**
 * Every moment between two of the protocol's steps: after the intent and before the insert, in the middle of the insert,
 * after it and before the ledger, in the ledger's insert, and after it and before the commit.
 */
const AIMS: readonly Omit<Aim, 'delayMs'>[] = [
  { request: 'rows', moment: 'before_forwarding' },
  { request: 'rows', moment: 'while_forwarding' },
  { request: 'rows', moment: 'before_answer' },
  { request: 'ledger', moment: 'before_forwarding' },
  { request: 'ledger', moment: 'before_answer' },
];
/** An insert into a table and its views takes about this long: somewhere in it the server dies. */
const INSERT_MS = 30;

/** How often each fault comes; kills make up most of it. */
const WEIGHTS: readonly (readonly [FaultKind, number])[] = [
  ['kill_aggregator', 8],
  ['kill_clickhouse', 4],
  ['kill_kafka', 2],
  ['kill_proxy', 4],
  ['add_aggregator', 1],
  ['remove_aggregator', 1],
  ['pause_aggregator', 1],
  ['jump_clock', 2],
  ['lose_insert_answer', 2],
  ['lose_commit_answer', 1],
  ['lose_produce_answer', 1],
];

/** What the faults are planned for. */
export interface FaultPlan {
  readonly chance: Chance;
  /** The database has a ledger whose inserts can be aimed at. */
  readonly hasLedger: boolean;
  /** Faults of this kind alone; `null` = of all kinds. */
  readonly only: FaultKind | null;
}

/** The kind of this name; `null` = there is none. */
export function faultKind(name: string): FaultKind | null {
  return WEIGHTS.find(([kind]) => kind === name)?.[0] ?? null;
}

/** So many faults in a row, by chance alone: a seed always gives the same. */
export function planFaults(plan: FaultPlan, count: number): Fault[] {
  const wanted = WEIGHTS.filter(([kind]) => plan.only === null || kind === plan.only);
  const kinds = wanted.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
  return Array.from({ length: count }, () => planFault(plan, plan.chance.pick(kinds)));
}

/** One fault of a kind, its details by chance. */
export function planFault({ chance, hasLedger }: Omit<FaultPlan, 'only'>, kind: FaultKind): Fault {
  const delayMs = chance.between(0, INSERT_MS);
  switch (kind) {
    case 'kill_aggregator': {
      const aims = AIMS.filter(({ request }) => hasLedger || request !== 'ledger');
      return { kind, aim: chance.happens(AIMED_SHARE) ? { ...chance.pick(aims), delayMs } : null };
    }
    case 'kill_clickhouse':
      return {
        kind,
        aim: chance.happens(AIMED_SHARE) ? { request: 'rows', moment: 'while_forwarding', delayMs } : null,
      };
    case 'pause_aggregator':
      return { kind, pauseMs: PAUSE_MS };
    case 'jump_clock':
      return {
        kind,
        service: chance.pick(['proxy', 'aggregator']),
        shiftMs: chance.between(-JUMP_MS_MAX, JUMP_MS_MAX),
      };
    default:
      return { kind };
  }
}

/** Within what an event's time may differ from its record's, or it would be a dead letter with good reason. */
const JUMP_MS_MAX = 6 * 3_600_000;
const AIMED_SHARE = 0.75;

/** Whether a process dies by it. */
export function isKill({ kind }: Fault): boolean {
  return kind.startsWith('kill_');
}

/** A fault in a few words, for the log of a run. */
export function faultText(fault: Fault): string {
  const aim = 'aim' in fault && fault.aim !== null ? ` at ${fault.aim.request} ${fault.aim.moment}` : '';
  const jump = fault.kind === 'jump_clock' ? ` of ${fault.service} by ${fault.shiftMs} ms` : '';
  return `${fault.kind}${aim}${jump}`;
}
