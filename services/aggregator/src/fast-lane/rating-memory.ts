import {
  defaultPlan,
  findTariff,
  type OrgTerms,
  type RatingTerms,
  type Tariff,
  type UsageEvent,
} from '@meterstone/metering';
import { ratingNameBytes, type Slice, SliceTable, type UserKeyer } from '@meterstone/store';
import type { EventWalk } from './event-walk.ts';
import { ChargingNumbers, OrgChargings } from './org-chargings.ts';
import { ReadyBytes } from './row-walk.ts';
import { UserMemory } from './user-memory.ts';

/** How events alike in all that decides their price are rated, and what that writes into a row. */
export interface RatingContext {
  readonly tariff: Tariff;
  /** RowBinary before the four amounts, and behind them. */
  readonly before: ReadyBytes;
  readonly behind: ReadyBytes;
}

/** Org, API key and project that events have in common. */
export interface KnownWho {
  readonly orgId: string;
  /** The plan of those that name none and whose user has none. */
  readonly plan: string | null;
  readonly orgNumber: number;
  /** `null` = the terms do not know the org. */
  readonly chargings: OrgChargings | null;
}

/** Reads the event that is being walked over: what is new is looked at as an object. */
type ReadEvent = () => UsageEvent;

/**
 * Remembers, by the bytes of events, what follows from them under one set of terms: whose they are, the keys of their
 * users, and how they are rated. All of it is a pure function of the terms, so that remembering it or not makes no
 * difference. It grows with what a batch brings, and starts afresh between batches.
 */
export class RatingMemory {
  readonly #terms: RatingTerms;
  readonly #userKeyOf: UserKeyer;
  #chargings = new ChargingNumbers();
  #orgNumbers = new Map<string, number>();
  #who = new Known<KnownWho>();
  #users: UserMemory;
  #plans = new Known<string | null>();
  #what = new Known<true>();
  #contexts = new Map<number, RatingContext[]>();
  readonly #slice: { view: DataView; start: number; end: number; salt: number } = {
    view: new DataView(new ArrayBuffer(0)),
    start: 0,
    end: 0,
    salt: 0,
  };

  constructor(terms: RatingTerms, userKeyOf: UserKeyer) {
    this.#terms = terms;
    this.#userKeyOf = userKeyOf;
    this.#users = new UserMemory(terms, userKeyOf);
  }

  /** The users of the present batch. */
  get users(): UserMemory {
    return this.#users;
  }

  /** To be called between batches. */
  trim(): void {
    if (
      this.#users.size > USERS_MAX ||
      this.#who.size > WHO_MAX ||
      this.#plans.size > PLANS_MAX ||
      this.#what.size > WHAT_MAX / 2 ||
      this.#chargings.size > CHARGINGS_MAX / 2
    ) {
      this.#chargings = new ChargingNumbers();
      this.#orgNumbers = new Map();
      this.#who = new Known();
      this.#users = new UserMemory(this.#terms, this.#userKeyOf);
      this.#plans = new Known();
      this.#what = new Known();
      this.#contexts = new Map();
    }
  }

  whoOf(walk: EventWalk, read: ReadEvent): KnownWho {
    const number = this.#who.numberOf(this.#sliceOf(walk, walk.whoAt, walk.userAt));
    return this.#who.values[number] ?? this.#who.keep(number, this.#newWho(read()));
  }

  /** The place of an event's user in `users`. */
  userOf(walk: EventWalk, { orgNumber }: KnownWho, read: ReadEvent): number {
    const slice = this.#sliceOf(walk, walk.userAt, walk.userEnd);
    slice.salt = orgNumber;
    return this.#users.placeOf(slice, read);
  }

  /** How an event is rated whose org is known; `null` = only `rateUsage` can tell. */
  contextOf(
    walk: EventWalk,
    { who, user }: { who: KnownWho; user: number },
    read: ReadEvent,
  ): RatingContext | null {
    const { chargings } = who;
    const what = this.#what.numberOf(this.#sliceOf(walk, walk.whatAt, walk.whatEnd));
    if (chargings === null || what >= WHAT_MAX) {
      return null;
    }
    const plan = this.#planOf(walk, read) ?? this.#users.planOf(user) ?? who.plan;
    const charging = chargings.find(plan, walk.occurredAt);
    if (charging.number >= CHARGINGS_MAX) {
      return null;
    }
    const key = (charging.number * WHAT_MAX + what) * SITUATIONS + situationOf(walk);
    const input = inputOf(walk.counts);
    const known = this.#contexts.get(key);
    if (known !== undefined) {
      for (let index = 0; index < known.length; index++) {
        const context = known[index];
        if (context !== undefined && holds(context.tariff, walk.occurredAt, input)) {
          return context;
        }
      }
    }
    const tariff = findTariff(read(), this.#terms, charging);
    if (tariff === null) {
      return null;
    }
    const context = this.#newContext(tariff);
    this.#contexts.set(key, [context, ...(known ?? []).slice(0, CONTEXTS_PER_KEY_MAX - 1)]);
    return context;
  }

  #sliceOf({ row }: EventWalk, start: number, end: number) {
    const slice = this.#slice;
    slice.view = row.view;
    slice.start = start;
    slice.end = end;
    slice.salt = 0;
    return slice;
  }

  /** The plan that was asked for with the request; `null` = none. */
  #planOf(walk: EventWalk, read: ReadEvent): string | null {
    if (walk.row.bytes[walk.planAt] === 0) {
      return null;
    }
    const number = this.#plans.numberOf(this.#sliceOf(walk, walk.planAt, walk.planEnd));
    const known = this.#plans.values[number];
    return known === undefined ? this.#plans.keep(number, read().plan) : known;
  }

  #newWho({ orgId, apiKeyId }: UsageEvent): KnownWho {
    const org: OrgTerms | undefined = this.#terms.orgs.get(orgId);
    const orgNumber = this.#orgNumbers.get(orgId) ?? this.#orgNumbers.size;
    this.#orgNumbers.set(orgId, orgNumber);
    return {
      orgId,
      plan: org === undefined ? null : defaultPlan(org, apiKeyId),
      orgNumber,
      chargings: org === undefined ? null : new OrgChargings(org, this.#chargings),
    };
  }

  #newContext(tariff: Tariff): RatingContext {
    const { epoch, priceBook } = this.#terms;
    const { before, behind } = ratingNameBytes({ ...tariff, epoch, priceBook: priceBook.version });
    return { tariff, before: new ReadyBytes(before), behind: new ReadyBytes(behind) };
  }
}

/** Users over all orgs, of about 250 bytes each. */
const USERS_MAX = 200_000;
const WHO_MAX = 50_000;
const PLANS_MAX = 10_000;
/** Both together with the situations make a key of 31 bits. */
const WHAT_MAX = 2 ** 11;
const CHARGINGS_MAX = 2 ** 14;
const SITUATIONS = 2 ** 6;
/** Spans of time and sizes of input that are priced apart, of one kind of event. */
const CONTEXTS_PER_KEY_MAX = 8;
/** `cacheWrite1hTokens` is the last bucket of input. */
const INPUT_BUCKETS = 9;
const OK = 0;
const PROVIDER_ERROR = 1;
const NO_USAGE = 3;
const ERROR_STATUS_MIN = 400;

/** Numbers and values of slices, in the order of their appearance. */
class Known<Value> {
  readonly #table = new SliceTable(1);
  readonly values: Value[] = [];

  get size(): number {
    return this.#table.size;
  }

  /** From 0 on. */
  numberOf(slice: Slice): number {
    const place = this.#table.placeOf(slice);
    const { words } = this.#table;
    // Of a new one it is 0.
    words[place] ||= this.#table.size;
    return (words[place] ?? 0) - 1;
  }

  keep(number: number, value: Value): Value {
    this.values[number] = value;
    return value;
  }
}

/** All but texts that decides how an event is rated, in one number below `SITUATIONS`. */
function situationOf({ credentialType, usageSource, line, isFinal, httpStatus, outcome }: EventWalk): number {
  const isAnswered =
    line === 0 && isFinal && (httpStatus < 0 ? outcome === OK : httpStatus < ERROR_STATUS_MIN);
  const hasNoUsage = usageSource === NO_USAGE;
  const hasFailed = hasNoUsage && (outcome === PROVIDER_ERROR || httpStatus >= ERROR_STATUS_MIN);
  return (
    credentialType * 16 +
    (isAnswered ? 8 : 0) +
    (hasNoUsage ? 4 : 0) +
    (hasFailed ? 2 : 0) +
    (line === 0 ? 1 : 0)
  );
}

function inputOf(counts: Float64Array): number {
  let input = 0;
  for (let bucket = 0; bucket < INPUT_BUCKETS; bucket++) {
    input += counts[bucket] ?? 0;
  }
  return input;
}

function holds({ from, to, inputOver, inputMax }: Tariff, occurredAt: number, input: number): boolean {
  return occurredAt >= from && occurredAt < to && input > inputOver && input <= inputMax;
}
