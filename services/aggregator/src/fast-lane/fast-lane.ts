import { readUsageEvent } from '@meterstone/events';
import type { FetchedRecord } from '@meterstone/kafka';
import { type RatingTerms, rateByTariff, type SmallAmounts, type UsageEvent } from '@meterstone/metering';
import { beginRawRow, endRawRow, type UserKeyer } from '@meterstone/store';
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
import { type KnownWho, type RatingContext, RatingMemory } from './rating-memory.ts';

/**
 * The short way from a record to its row: from bytes to bytes, without an event in between. It takes what is usual, and
 * leaves to the way over objects whatever is not; on either way a record comes to the same end, byte for byte.
 */
export class FastLane {
  readonly #memory: RatingMemory;
  readonly #walk = new EventWalk();
  readonly #key = new IdentityKey();
  readonly #amounts: SmallAmounts = { marketCost: 0, totalCost: 0, surchargeCost: 0, charge: 0 };
  #batch = 0;
  #value: Uint8Array = new Uint8Array(0);
  /** The event that is being walked over: the walk takes nothing that is none. */
  readonly #read = (): UsageEvent => readUsageEvent(this.#value).event;

  /** For ranges rated under these terms. */
  constructor(terms: RatingTerms, userKeyOf: UserKeyer) {
    this.#memory = new RatingMemory(terms, userKeyOf);
  }

  /** To be called before the first record of each batch. */
  begin(): void {
    this.#batch += 1;
    this.#memory.trim();
  }

  /** Takes a record into the draft; `unusual` = it is not for here, and nothing was done. */
  take(draft: BatchDraft, record: FetchedRecord): 'taken' | 'unusual' | UnknownOrg {
    const { value } = record;
    const writer = beginRawRow(draft.block);
    const walk = this.#walk;
    if (value === null || walk.walk(value, record.timestampMs, writer) < 0) {
      return 'unusual';
    }
    this.#value = value;
    const standing = this.#stand(draft, record);
    if (standing !== 'absent') {
      settleDuplicate(draft, record, standing);
      return 'taken';
    }
    const who = this.#memory.whoOf(walk, this.#read);
    if (who.chargings === null) {
      return { kind: 'unknown_org', orgId: who.orgId, kafkaOffset: record.offset };
    }
    const user = this.#memory.userOf(walk, who, this.#read);
    const context = this.#memory.contextOf(walk, { who, user }, this.#read);
    if (context === null || !rateByTariff(context.tariff, walk.counts, this.#amounts)) {
      book(draft, record, this.#read());
      return 'taken';
    }
    this.#rate(context);
    this.#book(draft, record, { who, user });
    return 'taken';
  }

  #stand(draft: BatchDraft, record: FetchedRecord): Standing {
    const walk = this.#walk;
    const { row, idAt, line, isProxied } = walk;
    this.#key.read(row.bytes, idAt, line);
    const inMemory = standInMemory(draft, record, { key: this.#key, content: walk.hashContent() });
    if (isDecided(inMemory)) {
      return inMemory;
    }
    const isTimed = isProxied && (row.bytes[idAt + VERSION_BYTE] ?? 0) >>> 4 === TIMED_VERSION;
    const madeAtMs = isTimed ? row.view.getUint16(idAt) * WORD + row.view.getUint32(idAt + 2) : null;
    if (inMemory === 'absent' && draft.older?.excludes(madeAtMs, record.timestampMs) !== false) {
      return 'absent';
    }
    return standBeyondMemory(draft, { record, event: this.#read(), inMemory });
  }

  #rate({ before, behind }: RatingContext): void {
    const { row } = this.#walk;
    const amounts = this.#amounts;
    row.putBytes(before);
    row.putAmount(amounts.marketCost);
    row.putAmount(amounts.totalCost);
    row.putAmount(amounts.surchargeCost);
    row.putAmount(amounts.charge);
    row.putBytes(behind);
  }

  #book(draft: BatchDraft, { offset }: FetchedRecord, { who, user }: { who: KnownWho; user: number }): void {
    const { row, userKeyTo, occurredAt, ingestedAt, counts } = this.#walk;
    const { users } = this.#memory;
    const { orgId } = who;
    const { stream, kafkaPartition } = draft.range;
    row.putInt32(stream);
    row.putInt32(kafkaPartition);
    row.putInt64(offset);
    row.putInt32(OWN_PERIOD);
    users.writeKey(user, draft.block.writer.view, userKeyTo);
    endRawRow(draft.block, row.to, { orgId, userKeyAt: userKeyTo, occurredAt });
    draft.stored += 1;
    draft.facts.addSmall({ orgId, occurredAt, ingestedAt }, counts, this.#amounts);
    const appeared = users.appear(user, this.#batch);
    if (appeared !== null) {
      draft.users.addNew(appeared);
    }
  }
}

const WORD = 2 ** 32;
/** `booked_period` of a row that is booked in the period in which it occurred. */
const OWN_PERIOD = 0;
const VERSION_BYTE = 6;
const TIMED_VERSION = 7;
