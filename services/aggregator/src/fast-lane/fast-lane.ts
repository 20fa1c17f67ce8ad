import type { FetchedRecord, PlacedRecord } from '@meterstone/kafka';
import { type RatingTerms, rateByTariff, type SmallAmounts } from '@meterstone/metering';
import {
  beginRawRow,
  endRawRow,
  type RowTexts,
  rawBlockOrg,
  rawRowPlace,
  type UserKeyer,
} from '@meterstone/store';
import {
  type BatchDraft,
  book,
  isDecided,
  settleDuplicate,
  standBeyondMemory,
  standInMemory,
} from '../batch-draft.ts';
import type { Standing } from '../deduplicate.ts';
import { IdentityKey } from '../identity-key.ts';
import type { UnknownOrg } from '../rated-batch.ts';
import { EventWalk } from './event-walk.ts';
import { RATING_LIMITS, type RatingLimits } from './rating-limits.ts';
import { type KnownWho, type RatingContext, RatingMemory } from './rating-memory.ts';
import { WalkedEvent } from './walked-event.ts';

export interface FastLaneOptions {
  /** Ranges are rated under these. */
  readonly terms: RatingTerms;
  readonly userKeyOf: UserKeyer;
  /** @default RATING_LIMITS */
  readonly limits?: RatingLimits;
  /** Told which limit was passed, when what is remembered of prices starts afresh. */
  readonly onLimit?: (limit: keyof RatingLimits) => void;
}

/**
 * The short way from a record to its row: from bytes to bytes, without an event in between. It takes what is usual, and
 * leaves to the way over objects whatever is not; on either way a record comes to the same end, byte for byte.
 */
export class FastLane {
  readonly #memory: RatingMemory;
  readonly #onLimit: FastLaneOptions['onLimit'];
  readonly #walk = new EventWalk();
  readonly #walked = new WalkedEvent();
  readonly #key = new IdentityKey();
  readonly #amounts: SmallAmounts = { marketCost: 0, totalCost: 0, surchargeCost: 0, charge: 0 };
  #batch = 0;

  constructor({ terms, userKeyOf, limits = RATING_LIMITS, onLimit }: FastLaneOptions) {
    this.#memory = new RatingMemory(terms, userKeyOf, limits);
    this.#onLimit = onLimit;
  }

  /** To be called before the first record of each batch: where texts of its block have to go. */
  begin(): RowTexts {
    this.#batch += 1;
    const passed = this.#memory.trim();
    if (passed !== null) {
      this.#onLimit?.(passed);
    }
    return this.#memory.texts;
  }

  /** Takes a record into the draft; `unusual` = it is not for here, and nothing was done. */
  take(draft: BatchDraft, record: PlacedRecord): 'taken' | 'unusual' | UnknownOrg {
    const writer = beginRawRow(draft.block);
    const walk = this.#walk;
    if (walk.walk(record, writer) < 0) {
      return 'unusual';
    }
    const walked = this.#walked;
    walked.begin(record, walk.hashContent());
    const who = this.#memory.whoOf(walk, walked);
    const what = this.#memory.whatOf(walk, walked);
    const user = who === null ? -1 : this.#memory.userOf(walk, who, walked);
    if (who === null || what === null || user < 0) {
      return 'unusual';
    }
    const standing = this.#stand(draft, record);
    if (standing !== 'absent') {
      settleDuplicate(draft, record, standing);
      return 'taken';
    }
    if (who.chargings === null) {
      return { kind: 'unknown_org', orgId: who.orgId, kafkaOffset: record.offset };
    }
    const context = this.#memory.contextOf(walk, { who, what, user }, walked);
    if (context === null || !rateByTariff(context.tariff, walk.counts, this.#amounts)) {
      book(draft, record, walked.event);
      return 'taken';
    }
    walk.row.setInt32(WHO, who.texts);
    walk.row.setInt32(WHAT, what.texts);
    this.#rate(context);
    this.#book(draft, record, { who, user });
    return 'taken';
  }

  #stand(draft: BatchDraft, record: FetchedRecord): Standing {
    const walk = this.#walk;
    const { row, idAt, line, isProxied } = walk;
    const key = this.#key;
    key.read(row.bytes, idAt, line);
    const inMemory = standInMemory(draft, record, { key, content: this.#walked.content });
    if (isDecided(inMemory)) {
      return inMemory;
    }
    const madeAtMs = isProxied && key.madeAt >= 0 ? key.madeAt : null;
    if (inMemory === 'absent' && draft.older?.excludes(madeAtMs, record.timestampMs) !== false) {
      return 'absent';
    }
    return standBeyondMemory(draft, { record, event: this.#walked.event, inMemory });
  }

  #rate({ texts, priceMatch }: RatingContext): void {
    const { row } = this.#walk;
    const amounts = this.#amounts;
    row.setInt32(RATING, texts);
    row.setByte(PRICE_MATCH, priceMatch);
    row.setAmount(MARKET_COST, amounts.marketCost);
    row.setAmount(TOTAL_COST, amounts.totalCost);
    row.setAmount(SURCHARGE_COST, amounts.surchargeCost);
    row.setAmount(CHARGE, amounts.charge);
  }

  #book(draft: BatchDraft, { offset }: FetchedRecord, { who, user }: { who: KnownWho; user: number }): void {
    const { row, occurredAt, ingestedAt, counts } = this.#walk;
    const { users } = this.#memory;
    if (who.batch !== this.#batch) {
      who.batch = this.#batch;
      who.orgInBlock = rawBlockOrg(draft.block, who.orgId);
      draft.facts.addOrg(who.orgId);
    }
    const { stream, kafkaPartition } = draft.range;
    const userKeyAt = row.start + USER_KEY;
    row.setInt32(STREAM, stream);
    row.setInt32(KAFKA_PARTITION, kafkaPartition);
    row.setInt64(KAFKA_OFFSET, offset);
    row.setInt32(BOOKED_PERIOD, OWN_PERIOD);
    users.writeKey(user, draft.block.writer.view, userKeyAt);
    endRawRow(draft.block, row.to, { org: who.orgInBlock, userKeyAt, occurredAt });
    draft.stored += 1;
    draft.facts.addSmall({ occurredAt, ingestedAt }, counts, this.#amounts);
    const appeared = users.appear(user, this.#batch);
    if (appeared !== null) {
      draft.users.addNew(appeared);
    }
  }
}

/** Where in a row's head each value stands. */
const WHO = rawRowPlace('org_id');
const WHAT = rawRowPlace('provider');
const RATING = rawRowPlace('model');
const USER_KEY = rawRowPlace('user_key');
const PRICE_MATCH = rawRowPlace('price_match');
const MARKET_COST = rawRowPlace('market_cost');
const TOTAL_COST = rawRowPlace('total_cost');
const SURCHARGE_COST = rawRowPlace('surcharge_cost');
const CHARGE = rawRowPlace('charge');
const STREAM = rawRowPlace('stream');
const KAFKA_PARTITION = rawRowPlace('kafka_partition');
const KAFKA_OFFSET = rawRowPlace('kafka_offset');
const BOOKED_PERIOD = rawRowPlace('booked_period');
/** `booked_period` of a row that is booked in the period in which it occurred. */
const OWN_PERIOD = 0;
