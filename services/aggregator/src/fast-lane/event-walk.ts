import { hashRanges, LAID_OUT_HEADER } from '@meterstone/events';
import type { PlacedRecord } from '@meterstone/kafka';
import { EVENT_LIMITS, TOKEN_BUCKETS } from '@meterstone/metering';
import { rawRowPlace } from '@meterstone/store';
import { RowWalk } from './row-walk.ts';

/** What a walk has to know of a record. */
export type WalkableRecord = Pick<PlacedRecord, 'memory' | 'valueAt' | 'valueBytes' | 'timestampMs'>;

/** Memory of a block in which a row is to be written, from `position` on. */
export interface RowRoom {
  readonly bytes: Uint8Array;
  /** Over the same bytes. */
  readonly view: DataView;
  readonly position: number;
}

/**
 * One event on its way from Avro to a row of `raw_events`: a walk over its bytes that checks all that
 * `validateUsageEvent` checks, writes every column that is the event's alone, and notes what else has to be known of it. It
 * takes events of the newest layout and of kind `usage` that are surely valid, and no others: those are for the way over
 * objects, which knows everything, and gives reasons. Whether whose it is (org to user) and what was called are texts at
 * all is left to whom they are new.
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
  operationAt = 0;
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

  /**
   * Writes the row of the event in a record into `room`, which is ample. Returns where the row ends; −1 = it is not such
   * an event, or not surely.
   */
  walk(record: WalkableRecord, room: RowRoom): number {
    const { row } = this;
    row.begin(record.memory, record.valueAt, room);
    const end = row.at + record.valueBytes;
    try {
      if (!this.#isLaidOut()) {
        return -1;
      }
      this.#walkIdentity();
      this.#walkClocks(record.timestampMs);
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
    return row.isUnusual || row.at !== end ? -1 : row.to;
  }

  /** The hash of what the event says that was walked over: that of `readUsageEvent`. */
  hashContent(): number {
    return hashRanges(this.row.view, this.#content);
  }

  /** Whether whose it is and what was called are surely texts. */
  isOfTexts(): boolean {
    const { row, whoAt, userEnd, whatAt, operationAt, whatEnd } = this;
    return (
      row.areTexts(whoAt, userEnd) && row.areTexts(whatAt, operationAt) && row.areTexts(operationAt, whatEnd)
    );
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
    row.setId(EVENT_ID);
    this.line = row.count(EVENT_LIMITS.lineMax);
    row.setInt32(LINE, this.line);
    this.#walkOperationId();
    row.setInt32(ATTEMPT, row.count(EVENT_LIMITS.attemptMax));
    const isFinal = row.flag();
    this.isFinal = isFinal === 1;
    row.setByte(FINAL, isFinal);
    row.textOrNull(EVENT_LIMITS.operationIdCharactersMax);
    // Adjustments are not for here.
    row.setByte(KIND, row.symbol(1));
    const source = row.symbol(SOURCES);
    this.isProxied = source === 0;
    row.setByte(SOURCE, source);
    this.#content[1] = row.at;
    row.text(EVENT_LIMITS.idCharactersMax);
    this.#content[2] = row.at;
    row.nulls(ADJUSTMENT_FIELDS);
    row.setByte(ADJUSTS_EVENT_ID, 1);
    row.setInt32(ADJUSTS_LINE, 0);
    row.setByte(MARKET_COST_DELTA, 1);
    row.setByte(TOTAL_COST_DELTA, 1);
    row.setByte(SURCHARGE_COST_DELTA, 1);
    row.setByte(CHARGE_DELTA, 1);
    // No correction, no reason.
    row.put(0);
    row.put(0);
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
    row.setInt64(OCCURRED_AT, occurredAt);
    this.#content[3] = row.at;
    this.ingestedAt = row.count(Number.MAX_SAFE_INTEGER);
    this.#content[4] = row.at;
    row.setInt64(INGESTED_AT, this.ingestedAt);
  }

  #walkWho(): void {
    const { row } = this;
    this.whoAt = row.at;
    row.skipText(EVENT_LIMITS.idCharactersMax);
    row.skipTextOrNull(EVENT_LIMITS.idCharactersMax);
    row.skipTextOrNull(EVENT_LIMITS.projectCharactersMax);
    this.userAt = row.at;
    row.skipTextOrNull(EVENT_LIMITS.userCharactersMax);
    this.userEnd = row.at;
    row.textOrNull(EVENT_LIMITS.sessionIdCharactersMax);
    row.textOrNull(EVENT_LIMITS.agentCharactersMax);
    row.textOrNull(EVENT_LIMITS.idCharactersMax);
    this.#walkTags();
    this.#walkAttributes();
    this.planAt = row.at;
    row.textOrNull(EVENT_LIMITS.planCharactersMax);
    this.planEnd = row.at;
    this.credentialType = row.symbol(CREDENTIAL_TYPES);
    row.setByte(CREDENTIAL_TYPE, this.credentialType);
    row.setByte(ZERO_DATA_RETENTION, row.flag());
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
    row.skipText(providerTextCharactersMax);
    row.skipTextOrNull(providerTextCharactersMax);
    row.skipTextOrNull(providerTextCharactersMax);
    this.operationAt = row.at;
    row.skipText(idCharactersMax);
    row.skipTextOrNull(providerTextCharactersMax);
    row.skipTextOrNull(providerTextCharactersMax);
    row.skipTextOrNull(providerTextCharactersMax);
    this.whatEnd = row.at;
    row.setByte(STREAMED, row.flag());
    row.textOrNull(providerTextCharactersMax);
    row.textOrNull(providerTextCharactersMax);
  }

  #walkOutcome(): void {
    const { row } = this;
    const httpStatus = row.countOrNull(HTTP_STATUS_MAX);
    row.isUnusual ||= httpStatus >= 0 && httpStatus < HTTP_STATUS_MIN;
    this.httpStatus = httpStatus;
    row.setInt32(HTTP_STATUS, Math.max(0, httpStatus));
    this.outcome = row.symbol(OUTCOMES);
    row.setByte(OUTCOME, this.outcome);
    row.textOrNull(EVENT_LIMITS.providerTextCharactersMax);
    this.usageSource = row.symbol(USAGE_SOURCES);
    row.setByte(USAGE_SOURCE, this.usageSource);
    row.setInt32(USAGE_FLAGS, row.count(INT_MAX));
    const requestTextBytes = row.countOrNull(EVENT_LIMITS.countMax);
    row.setByte(REQUEST_TEXT_BYTES, requestTextBytes < 0 ? 1 : 0);
    row.setInt64(REQUEST_TEXT_BYTES + 1, requestTextBytes);
    row.setInt32OrNull(OUTPUT_DELTAS, row.countOrNull(INT_MAX));
  }

  #walkUsage(): void {
    const { row, counts } = this;
    row.setInt32(PRESENT_BUCKETS, row.count(ALL_BUCKETS));
    row.setCounts(FIRST_BUCKET, counts, EVENT_LIMITS.countMax);
    // Quantities are rated the other way.
    row.nulls(1);
    row.put(0);
    row.setAmountOrNull(PROVIDER_REPORTED_COST);
    row.textOrNull(EVENT_LIMITS.usageRawBytesMax);
    row.setInt32OrNull(TIME_TO_FIRST_TOKEN_MS, row.countOrNull(INT_MAX));
    row.setInt32OrNull(DURATION_MS, row.countOrNull(INT_MAX));
  }
}

/** Where in a row's head each column's value stands. */
const EVENT_ID = rawRowPlace('event_id');
const LINE = rawRowPlace('line');
const ATTEMPT = rawRowPlace('attempt');
const FINAL = rawRowPlace('final');
const KIND = rawRowPlace('kind');
const SOURCE = rawRowPlace('source');
const ADJUSTS_EVENT_ID = rawRowPlace('adjusts_event_id');
const ADJUSTS_LINE = rawRowPlace('adjusts_line');
const MARKET_COST_DELTA = rawRowPlace('market_cost_delta');
const TOTAL_COST_DELTA = rawRowPlace('total_cost_delta');
const SURCHARGE_COST_DELTA = rawRowPlace('surcharge_cost_delta');
const CHARGE_DELTA = rawRowPlace('charge_delta');
const OCCURRED_AT = rawRowPlace('occurred_at');
const INGESTED_AT = rawRowPlace('ingested_at');
const CREDENTIAL_TYPE = rawRowPlace('credential_type');
const ZERO_DATA_RETENTION = rawRowPlace('zero_data_retention');
const STREAMED = rawRowPlace('streamed');
const HTTP_STATUS = rawRowPlace('http_status');
const OUTCOME = rawRowPlace('outcome');
const USAGE_SOURCE = rawRowPlace('usage_source');
const USAGE_FLAGS = rawRowPlace('usage_flags');
const REQUEST_TEXT_BYTES = rawRowPlace('request_text_bytes');
const OUTPUT_DELTAS = rawRowPlace('output_deltas');
const PRESENT_BUCKETS = rawRowPlace('present_buckets');
/** The buckets stand one behind the other. */
const FIRST_BUCKET = rawRowPlace('input_tokens');
const PROVIDER_REPORTED_COST = rawRowPlace('provider_reported_cost');
const TIME_TO_FIRST_TOKEN_MS = rawRowPlace('time_to_first_token_ms');
const DURATION_MS = rawRowPlace('duration_ms');

const BUCKETS = TOKEN_BUCKETS.length;
const ALL_BUCKETS = 2 ** BUCKETS - 1;
const INT_MAX = 2 ** 31 - 1;
const HTTP_STATUS_MIN = 100;
const HTTP_STATUS_MAX = 999;
/** Symbols of the enums in the layout. Their numbers are ClickHouse's codes, which the comparison with the other way shows. */
const SOURCES = 6;
const CREDENTIAL_TYPES = 4;
const OUTCOMES = 6;
const USAGE_SOURCES = 4;
/** All of them null where `kind` is `usage`; correction and reason might not be, but then it is for the other way. */
const ADJUSTMENT_FIELDS = 8;
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
