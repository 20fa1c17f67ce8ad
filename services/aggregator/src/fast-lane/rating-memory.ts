import {
  defaultPlan,
  findTariff,
  type OrgTerms,
  type RatingTerms,
  type Tariff,
  type UsageEvent,
} from '@meterstone/metering';
import {
  PRICE_MATCH_CODES,
  RowTexts,
  ratingNumber,
  type Slice,
  SliceTable,
  type UserKeyer,
  whatNumber,
  whoNumber,
} from '@meterstone/store';
import type { EventWalk } from './event-walk.ts';
import { ChargingNumbers, OrgChargings, type PlanHolder } from './org-chargings.ts';
import { CHARGING_NUMBERS_MAX, type RatingLimits, WHAT_NUMBERS_MAX } from './rating-limits.ts';
import { UserMemory } from './user-memory.ts';
import type { WalkedEvent } from './walked-event.ts';

/** How events alike in all that decides their price are rated, and what that writes into a row. */
export interface RatingContext {
  readonly tariff: Tariff;
  /** Number of its texts. */
  readonly texts: number;
  /** ClickHouse's code. */
  readonly priceMatch: number;
}

/** Org, API key and project that events have in common. They hold the plan of those that name none and whose user has none. */
export interface KnownWho extends PlanHolder {
  readonly orgId: string;
  /** Number of its texts. */
  readonly texts: number;
  readonly orgNumber: number;
  /** `null` = the terms do not know the org. */
  readonly chargings: OrgChargings | null;
  /** The batch in which they last had a row, and the org's number in its block. */
  batch: number;
  orgInBlock: number;
}

/** Provider, models, operation, tiers and region that events have in common. */
export interface KnownWhat {
  readonly number: number;
  /** Number of its texts. */
  readonly texts: number;
}

/**
 * Remembers, by the bytes of events, what follows from them under one set of terms: whose they are, the keys of their
 * users, and how they are rated. All of it is a pure function of the terms, so that remembering it or not makes no
 * difference. It grows with what a batch brings, and starts afresh between batches.
 */
export class RatingMemory {
  readonly #terms: RatingTerms;
  readonly #userKeyOf: UserKeyer;
  readonly #limits: RatingLimits;
  #chargings = new ChargingNumbers();
  #orgNumbers = new Map<string, number>();
  #who = new Known<KnownWho>();
  #users: UserMemory;
  #plans = new Known<string | null>();
  #what = new Known<KnownWhat>();
  #texts = new RowTexts();
  #contexts = new Map<number, RatingContext[]>();
  readonly #slice: { view: DataView; start: number; end: number; salt: number } = {
    view: new DataView(new ArrayBuffer(0)),
    start: 0,
    end: 0,
    salt: 0,
  };

  constructor(terms: RatingTerms, userKeyOf: UserKeyer, limits: RatingLimits) {
    this.#terms = terms;
    this.#userKeyOf = userKeyOf;
    this.#limits = limits;
    this.#users = new UserMemory(terms, userKeyOf);
  }

  /** The users of the present batch. */
  get users(): UserMemory {
    return this.#users;
  }

  /** Where texts of the present batch go. */
  get texts(): RowTexts {
    return this.#texts;
  }

  /** To be called between batches; starts afresh where a limit was passed, and names it. */
  trim(): keyof RatingLimits | null {
    const passed = this.#passed();
    if (passed !== null) {
      this.#chargings = new ChargingNumbers();
      this.#orgNumbers = new Map();
      this.#who = new Known();
      this.#users = new UserMemory(this.#terms, this.#userKeyOf);
      this.#plans = new Known();
      this.#what = new Known();
      this.#contexts = new Map();
      this.#texts = new RowTexts();
    }
    return passed;
  }

  #passed(): keyof RatingLimits | null {
    const limits = this.#limits;
    if (this.#users.size > limits.users) return 'users';
    if (this.#texts.size > limits.texts) return 'texts';
    if (this.#who.size > limits.who) return 'who';
    if (this.#plans.size > limits.plans) return 'plans';
    if (this.#what.size > limits.what) return 'what';
    return this.#chargings.size > limits.chargings ? 'chargings' : null;
  }

  /** `null` = it is new, and not all of the event's texts are texts. */
  whoOf(walk: EventWalk, walked: WalkedEvent): KnownWho | null {
    const number = this.#who.numberOf(this.#sliceOf(walk, walk.whoAt, walk.userAt));
    const known = this.#who.values[number];
    if (known !== undefined) {
      return known;
    }
    return walked.isOfTexts ? this.#who.keep(number, this.#newWho(walked.event)) : null;
  }

  /** As {@link whoOf}. */
  whatOf(walk: EventWalk, walked: WalkedEvent): KnownWhat | null {
    const number = this.#what.numberOf(this.#sliceOf(walk, walk.whatAt, walk.whatEnd));
    const known = this.#what.values[number];
    if (known !== undefined) {
      return known;
    }
    return walked.isOfTexts
      ? this.#what.keep(number, { number, texts: whatNumber(this.#texts, walked.event) })
      : null;
  }

  /** The place of an event's user in `users`; −1 = they are new, and not all of the event's texts are texts. */
  userOf(walk: EventWalk, { orgNumber }: KnownWho, walked: WalkedEvent): number {
    const slice = this.#sliceOf(walk, walk.userAt, walk.userEnd);
    slice.salt = orgNumber;
    return this.#users.placeOf(slice, walked);
  }

  /** How an event is rated whose org is known; `null` = only `rateUsage` can tell. */
  contextOf(
    walk: EventWalk,
    { who, what, user }: { who: KnownWho; what: KnownWhat; user: number },
    walked: WalkedEvent,
  ): RatingContext | null {
    const { chargings } = who;
    if (chargings === null || what.number >= WHAT_NUMBERS_MAX) {
      return null;
    }
    const asked = this.#planOf(walk, walked);
    const charging =
      asked === null
        ? chargings.of(this.#users.planHolder(user) ?? who, walk.occurredAt)
        : chargings.find(asked, walk.occurredAt);
    if (charging.number >= CHARGING_NUMBERS_MAX) {
      return null;
    }
    const key = (charging.number * WHAT_NUMBERS_MAX + what.number) * SITUATIONS + situationOf(walk);
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
    const tariff = findTariff(walked.event, this.#terms, charging);
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
  #planOf(walk: EventWalk, walked: WalkedEvent): string | null {
    if (walk.row.bytes[walk.planAt] === 0) {
      return null;
    }
    const number = this.#plans.numberOf(this.#sliceOf(walk, walk.planAt, walk.planEnd));
    const known = this.#plans.values[number];
    return known === undefined ? this.#plans.keep(number, walked.event.plan) : known;
  }

  #newWho(event: UsageEvent): KnownWho {
    const { orgId, apiKeyId } = event;
    const org: OrgTerms | undefined = this.#terms.orgs.get(orgId);
    const orgNumber = this.#orgNumbers.get(orgId) ?? this.#orgNumbers.size;
    this.#orgNumbers.set(orgId, orgNumber);
    return {
      orgId,
      texts: whoNumber(this.#texts, event),
      plan: org === undefined ? null : defaultPlan(org, apiKeyId),
      charging: null,
      batch: 0,
      orgInBlock: 0,
      orgNumber,
      chargings: org === undefined ? null : new OrgChargings(org, this.#chargings),
    };
  }

  #newContext(tariff: Tariff): RatingContext {
    const { epoch, priceBook } = this.#terms;
    const texts = ratingNumber(this.#texts, { ...tariff, epoch, priceBook: priceBook.version });
    return { tariff, texts, priceMatch: PRICE_MATCH_CODES[tariff.priceMatch] };
  }
}

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
