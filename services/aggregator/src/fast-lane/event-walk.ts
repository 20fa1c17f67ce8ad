import { hashRanges, LAID_OUT_HEADER } from '@meterstone/events';
import { EVENT_LIMITS, TOKEN_BUCKETS } from '@meterstone/metering';
import { ReadyBytes, RowWalk } from './row-walk.ts';

/** Memory of a block in which a row is to be written, from `position` on. */
export interface RowRoom {
  readonly bytes: Uint8Array;
  /** Over the same bytes. */
  readonly view: DataView;
  readonly position: number;
}

/**
 * One event on its way from Avro to a row of `raw_events`: a walk over its bytes that checks all that
 * `validateUsageEvent` checks, writes every column up to the rating, and notes what else has to be known of it. It takes
 * events of the newest layout and of kind `usage` that are surely valid, and no others: those are for the way over
 * objects, which knows everything, and gives reasons.
 */
export class EventWalk {
  readonly row = new RowWalk();
  /** Where the bytes of the event id begin; this and all below are places in `row.bytes`. */
  idAt = 0;
  line = 0;
  isFinal = false;
  /** Epoch milliseconds. */
  occurredAt = 0;
  ingestedAt = 0;
  /** It came through a proxy. */
  isProxied = false;
  /** Org, API key and project, as they stand. */
  whoAt = 0;
  /** Where those end, and the user begins. */
  userAt = 0;
  userEnd = 0;
  /** Of the plan that was asked for with the request; a byte 0 where there is none. */
  planAt = 0;
  planEnd = 0;
  /** Provider, models, operation, tiers and region, as they stand. */
  whatAt = 0;
  whatEnd = 0;
  /** Numbers of their symbols. */
  credentialType = 0;
  outcome = 0;
  usageSource = 0;
  /** −1 = there is none. */
  httpStatus = -1;
  /** Tokens in the order of `TOKEN_BUCKETS`. */
  readonly counts = new Float64Array(BUCKETS);
  /** Half-open ranges of the bytes that say what the event says. */
  readonly #content = [0, 0, 0, 0, 0, 0];
  /** Where in the row the 16 bytes of the user key are to be written. */
  userKeyTo = 0;

  /**
   * Writes the row of the event in `value`, whose record has the timestamp `recordedAt`, into `room`, which is ample.
   * Returns where the rating goes; −1 = it is not such an event, or not surely.
   */
  walk(value: Uint8Array, recordedAt: number, room: RowRoom): number {
    const { row } = this;
    try {
      row.begin(value, room);
      if (!this.#isLaidOut()) {
        return -1;
      }
      this.#walkIdentity();
      this.#walkClocks(recordedAt);
      this.#walkWho();
      this.#walkWhat();
      this.#walkOutcome();
      this.#walkUsage();
    } catch (error) {
      if (error instanceof RangeError) {
        return -1;
      }
      throw error;
    }
    this.#content[5] = row.at;
    return row.isUnusual || row.at !== value.byteOffset + value.length ? -1 : row.to;
  }

  /** The hash of what the event says that was walked over: that of `readUsageEvent`. */
  hashContent(): number {
    return hashRanges(this.row.view, this.#content);
  }

  #isLaidOut(): boolean {
    const { row } = this;
    if (LAID_OUT_HEADER === null) {
      return false;
    }
    for (let index = 0; index < LAID_OUT_HEADER.length; index++) {
      if (row.bytes[row.at + index] !== LAID_OUT_HEADER[index]) {
        return false;
      }
    }
    row.at += LAID_OUT_HEADER.length;
    this.#content[0] = row.at;
    return true;
  }

  #walkIdentity(): void {
    const { row } = this;
    this.idAt = row.at;
    row.id();
    this.line = row.count(EVENT_LIMITS.lineMax);
    row.putInt32(this.line);
    this.#walkOperationId();
    row.putInt32(row.count(EVENT_LIMITS.attemptMax));
    this.isFinal = row.flag();
    row.textOrNull(EVENT_LIMITS.operationIdCharactersMax);
    // Adjustments are not for here.
    row.symbol(1);
    this.isProxied = row.symbol(SOURCES) === 0;
    this.#content[1] = row.at;
    row.text(EVENT_LIMITS.idCharactersMax);
    this.#content[2] = row.at;
    row.nulls(ADJUSTMENT_FIELDS);
    row.putBytes(NO_ADJUSTMENT);
  }

  /** Empty where the operation is named after this very event. */
  #walkOperationId(): void {
    const { row } = this;
    const length = row.textLength(EVENT_LIMITS.operationIdCharactersMax);
    row.isUnusual ||= length === 0;
    if (length === UUID_CHARACTERS && isUuidText(row.bytes, row.at, this.idAt)) {
      row.at += length;
      row.put(0);
    } else {
      row.copyText(length);
    }
  }

  #walkClocks(recordedAt: number): void {
    const { row } = this;
    const occurredAt = row.count(Number.MAX_SAFE_INTEGER);
    row.isUnusual ||=
      occurredAt > recordedAt + EVENT_LIMITS.occurredAfterRecordMsMax ||
      occurredAt < recordedAt - EVENT_LIMITS.occurredBeforeRecordMsMax;
    this.occurredAt = occurredAt;
    row.putInt64(occurredAt);
    this.#content[3] = row.at;
    this.ingestedAt = row.count(Number.MAX_SAFE_INTEGER);
    this.#content[4] = row.at;
    row.putInt64(this.ingestedAt);
  }

  #walkWho(): void {
    const { row } = this;
    this.whoAt = row.at;
    row.text(EVENT_LIMITS.idCharactersMax);
    row.textOrNull(EVENT_LIMITS.idCharactersMax);
    row.textOrNull(EVENT_LIMITS.projectCharactersMax);
    this.userAt = row.at;
    row.skipTextOrNull(EVENT_LIMITS.userCharactersMax);
    this.userEnd = row.at;
    this.userKeyTo = row.to;
    row.to += USER_KEY_BYTES;
    row.textOrNull(EVENT_LIMITS.sessionIdCharactersMax);
    row.textOrNull(EVENT_LIMITS.agentCharactersMax);
    row.textOrNull(EVENT_LIMITS.idCharactersMax);
    this.#walkTags();
    this.#walkAttributes();
    this.planAt = row.at;
    row.textOrNull(EVENT_LIMITS.planCharactersMax);
    this.planEnd = row.at;
    this.credentialType = row.symbol(CREDENTIAL_TYPES);
    row.flag();
  }

  #walkTags(): void {
    const { row } = this;
    const count = row.count(EVENT_LIMITS.tagsMax);
    row.put(count);
    // The text between the two places, end excluded, in the row itself.
    let previousAt = row.to;
    for (let index = 0; index < count; index++) {
      const length = row.textLength(EVENT_LIMITS.tagCharactersMax);
      const tagAt = row.to;
      row.isUnusual ||= length === 0;
      row.copyText(length);
      row.isUnusual ||= index > 0 && !row.isInOrder(previousAt, tagAt);
      previousAt = tagAt;
    }
    row.nulls(count > 0 ? 1 : 0);
  }

  #walkAttributes(): void {
    const { row } = this;
    // Of two keys, one may come twice, which an object forgets, or be a number, which an object sorts.
    const count = row.count(1);
    row.put(count);
    if (count > 0) {
      // `__proto__` is special to objects.
      row.isUnusual ||= row.bytes[row.at + 1] === UNDERSCORE;
      row.text(EVENT_LIMITS.attributeKeyCharactersMax);
      row.copyText(row.textLength(EVENT_LIMITS.attributeValueCharactersMax));
      row.nulls(1);
    }
  }

  #walkWhat(): void {
    const { row } = this;
    const { providerTextCharactersMax, idCharactersMax } = EVENT_LIMITS;
    this.whatAt = row.at;
    row.text(providerTextCharactersMax);
    row.textOrNull(providerTextCharactersMax);
    row.textOrNull(providerTextCharactersMax);
    row.text(idCharactersMax);
    row.textOrNull(providerTextCharactersMax);
    row.textOrNull(providerTextCharactersMax);
    row.textOrNull(providerTextCharactersMax);
    this.whatEnd = row.at;
    row.flag();
    row.textOrNull(providerTextCharactersMax);
    row.textOrNull(providerTextCharactersMax);
  }

  #walkOutcome(): void {
    const { row } = this;
    const httpStatus = row.countOrNull(HTTP_STATUS_MAX);
    row.isUnusual ||= httpStatus >= 0 && httpStatus < HTTP_STATUS_MIN;
    this.httpStatus = httpStatus;
    row.putInt32(Math.max(0, httpStatus));
    this.outcome = row.symbol(OUTCOMES);
    row.textOrNull(EVENT_LIMITS.providerTextCharactersMax);
    this.usageSource = row.symbol(USAGE_SOURCES);
    row.putInt32(row.count(INT_MAX));
    const requestTextBytes = row.countOrNull(EVENT_LIMITS.countMax);
    row.put(requestTextBytes < 0 ? 1 : 0);
    if (requestTextBytes >= 0) {
      row.putInt64(requestTextBytes);
    }
    this.#walkIntOrNull();
  }

  #walkUsage(): void {
    const { row, counts } = this;
    row.putInt32(row.count(ALL_BUCKETS));
    row.counts(counts, EVENT_LIMITS.countMax);
    // Quantities are rated the other way.
    row.nulls(1);
    row.put(0);
    row.amountOrNull();
    row.textOrNull(EVENT_LIMITS.usageRawBytesMax);
    this.#walkIntOrNull();
    this.#walkIntOrNull();
  }

  /** A `Nullable(Int32)`. */
  #walkIntOrNull(): void {
    const { row } = this;
    const value = row.countOrNull(INT_MAX);
    row.put(value < 0 ? 1 : 0);
    if (value >= 0) {
      row.putInt32(value);
    }
  }
}

const BUCKETS = TOKEN_BUCKETS.length;
const ALL_BUCKETS = 2 ** BUCKETS - 1;
const INT_MAX = 2 ** 31 - 1;
const HTTP_STATUS_MIN = 100;
const HTTP_STATUS_MAX = 999;
const USER_KEY_BYTES = 16;
/** Symbols of the enums in the layout. Their numbers are ClickHouse's codes, which the comparison with the other way shows. */
const SOURCES = 6;
const CREDENTIAL_TYPES = 4;
const OUTCOMES = 6;
const USAGE_SOURCES = 4;
/** All of them null where `kind` is `usage`; correction and reason might not be, but then it is for the other way. */
const ADJUSTMENT_FIELDS = 8;
/** No event, line 0, no correction, no reason, four amounts that are NULL. */
const NO_ADJUSTMENT = new ReadyBytes(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1));
const UUID_CHARACTERS = 36;
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
/** The value of a lower-case hexadecimal digit; 16 = it is none. */
const DIGITS = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return digit < 0 ? 16 : digit;
});
const GROUP_BYTES = [4, 2, 2, 2, 6];

/** Whether the text at `textAt` is the UUID at `idAt`. */
function isUuidText(bytes: Uint8Array, textAt: number, idAt: number): boolean {
  let at = textAt;
  let id = idAt;
  for (let group = 0; group < GROUP_BYTES.length; group++) {
    if (group > 0 && bytes[at++] !== DASH) {
      return false;
    }
    for (let left = GROUP_BYTES[group] ?? 0; left > 0; left--) {
      const high = DIGITS[bytes[at] ?? 0] ?? 0;
      const low = DIGITS[bytes[at + 1] ?? 0] ?? 0;
      if (high * 16 + low !== bytes[id] || low > 15) {
        return false;
      }
      at += 2;
      id += 1;
    }
  }
  return true;
}
