import type { Rating, UsageEvent } from '@meterstone/metering';
import {
  CREDENTIAL_TYPE_CODES,
  KIND_CODES,
  OUTCOME_CODES,
  PRICE_MATCH_CODES,
  SOURCE_CODES,
  USAGE_SOURCE_CODES,
} from './enum-codes.ts';
import { StoreError } from './errors.ts';
import { RowBinaryWriter } from './row-binary.ts';

/** Where a record stood on Kafka. */
interface Coordinates {
  /** Number of the topic's incarnation. */
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly kafkaOffset: number;
}

/** What a rating says besides its amounts. */
type RatingNames = Omit<Rating, 'marketCost' | 'totalCost' | 'surchargeCost' | 'charge'>;

/** All that one row of `raw_events` is made from. */
export interface RawRow {
  readonly event: UsageEvent;
  readonly rating: Rating;
  /** 16 bytes, from `userKey`. */
  readonly userKey: Uint8Array;
  readonly coordinates: Coordinates;
}

/** `booked_period` of a row that is booked in the period in which it occurred; so far, that is every row. */
const OWN_PERIOD = 0;

/**
 * Bound of one line's own amounts, in picodollars: 1e17 USD, of which a billion lines sum within `Decimal(38, 12)`.
 * ClickHouse refuses a block in which a difference overflows, and one absurd line must not hold up a partition.
 */
const LINE_AMOUNT_LIMIT = 10n ** 29n;

const UUID_CHARACTERS = 36;
/** Where the two digits of each byte stand in a UUID's text, and where the dashes. */
const UUID_BYTES_AT: Uint8Array = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const UUID_DASHES_AT = [8, 13, 18, 23];
const DASH = 0x2d;
const HEX_DIGITS: Uint8Array = Buffer.from('0123456789abcdef', 'latin1');

/** Appends one row in the order of `RAW_ROW_COLUMNS`: one function for each group of columns there. */
export function writeRawRow(writer: RowBinaryWriter, row: RawRow): void {
  const { event } = row;
  writeIdentity(writer, event);
  writeAdjustment(writer, event);
  writer.int64(event.occurredAt);
  writer.int64(event.ingestedAt);
  writeWho(writer, event, row.userKey);
  writeWhat(writer, event);
  writeOutcome(writer, event);
  writeUsage(writer, event);
  writer.nullableInt32(event.timeToFirstTokenMs);
  writer.nullableInt32(event.durationMs);
  writeRating(writer, row.rating);
  writer.int32(row.coordinates.stream);
  writer.int32(row.coordinates.kafkaPartition);
  writer.int64(row.coordinates.kafkaOffset);
  writer.int32(OWN_PERIOD);
}

function writeIdentity(writer: RowBinaryWriter, event: UsageEvent): void {
  writer.uuid(event.eventId);
  writer.int32(event.line);
  writer.text(isOwnId(event) ? null : event.operationId);
  writer.int32(event.attempt);
  writer.bool(event.final);
  writer.text(event.parentOperationId);
  writer.byte(KIND_CODES[event.kind]);
  writer.byte(SOURCE_CODES[event.source]);
  writer.text(event.sourceRef);
}

/** Whether the operation is named after this very event, as the proxy names it where the caller does not. */
function isOwnId({ operationId, eventId }: UsageEvent): boolean {
  if (operationId.length !== UUID_CHARACTERS) return false;
  for (let i = 0; i < UUID_BYTES_AT.length; i += 1) {
    const byte = eventId[i] ?? 0;
    const at = UUID_BYTES_AT[i] ?? 0;
    if (operationId.charCodeAt(at) !== HEX_DIGITS[byte >>> 4]) return false;
    if (operationId.charCodeAt(at + 1) !== HEX_DIGITS[byte & 15]) return false;
  }
  return UUID_DASHES_AT.every((at) => operationId.charCodeAt(at) === DASH);
}

function writeAdjustment(writer: RowBinaryWriter, event: UsageEvent): void {
  writer.nullableUuid(event.adjustsEventId);
  writer.int32(event.adjustsLine ?? 0);
  writer.text(event.correctionId);
  writer.text(event.reason);
  writer.nullableAmount(event.marketCostDelta);
  writer.nullableAmount(event.totalCostDelta);
  writer.nullableAmount(event.surchargeCostDelta);
  writer.nullableAmount(event.chargeDelta);
}

function writeWho(writer: RowBinaryWriter, event: UsageEvent, userKey: Uint8Array): void {
  writer.text(event.orgId);
  writer.text(event.apiKeyId);
  writer.text(event.project);
  writer.fixed16(userKey);
  writer.text(event.sessionId);
  writer.text(event.agent);
  writer.text(event.traceId);
  writer.texts(event.tags);
  const attributes = Object.keys(event.attributes);
  writer.length(attributes.length);
  for (const key of attributes) {
    writer.text(key);
    writer.text(event.attributes[key] ?? null);
  }
  writer.text(event.plan);
  writer.byte(CREDENTIAL_TYPE_CODES[event.credentialType]);
  writer.bool(event.zeroDataRetention);
}

function writeWhat(writer: RowBinaryWriter, event: UsageEvent): void {
  writer.text(event.provider);
  writer.text(event.requestModel);
  writer.text(event.responseModel);
  writer.text(event.operation);
  writer.text(event.serviceTierRequested);
  writer.text(event.serviceTier);
  writer.text(event.region);
  writer.bool(event.streamed);
  writer.text(event.finishReason);
  writer.text(event.responseId);
}

function writeOutcome(writer: RowBinaryWriter, event: UsageEvent): void {
  writer.int32(event.httpStatus ?? 0);
  writer.byte(OUTCOME_CODES[event.outcome]);
  writer.text(event.errorType);
  writer.byte(USAGE_SOURCE_CODES[event.usageSource]);
  writer.int32(event.usageFlags);
  writer.nullableInt64(event.requestTextBytes);
  writer.nullableInt32(event.outputDeltas);
}

function writeUsage(writer: RowBinaryWriter, event: UsageEvent): void {
  writer.int32(event.presentBuckets);
  writer.int64(event.inputTokens);
  writer.int64(event.inputAudioTokens);
  writer.int64(event.inputImageTokens);
  writer.int64(event.inputVideoTokens);
  writer.int64(event.cacheReadTokens);
  writer.int64(event.cacheReadAudioTokens);
  writer.int64(event.cacheWriteTokens);
  writer.int64(event.cacheWrite5mTokens);
  writer.int64(event.cacheWrite1hTokens);
  writer.int64(event.outputTokens);
  writer.int64(event.reasoningTokens);
  writer.int64(event.outputAudioTokens);
  writer.int64(event.outputImageTokens);
  const quantities = Object.keys(event.quantities);
  writer.length(quantities.length);
  for (const key of quantities) {
    writer.text(key);
    writer.int64(event.quantities[key] ?? 0);
  }
  writer.nullableAmount(event.providerReportedCost);
  writer.text(event.usageRaw);
}

function writeRating(writer: RowBinaryWriter, rating: Rating): void {
  writer.text(rating.model);
  writeRatedAmount(writer, rating.marketCost);
  writeRatedAmount(writer, rating.totalCost);
  writeRatedAmount(writer, rating.surchargeCost);
  writeRatedAmount(writer, rating.charge);
  writeRatingNames(writer, rating);
}

/** The bytes of a rating without its amounts: what stands before them in a row, and what stands behind them. */
export function ratingNameBytes(rating: RatingNames): { before: Uint8Array; behind: Uint8Array } {
  const writer = new RowBinaryWriter();
  writer.text(rating.model);
  const { position } = writer;
  writeRatingNames(writer, rating);
  return { before: writer.bytes.slice(0, position), behind: writer.bytes.slice(position, writer.position) };
}

function writeRatingNames(writer: RowBinaryWriter, rating: RatingNames): void {
  writer.text(rating.priceBook);
  writer.byte(PRICE_MATCH_CODES[rating.priceMatch]);
  writer.text(rating.unpricedReason);
  writer.text(rating.plan);
  writer.text(rating.ratePlanVersion);
  writer.text(rating.epoch);
}

function writeRatedAmount(writer: RowBinaryWriter, pico: bigint | null): void {
  if (pico !== null && (pico >= LINE_AMOUNT_LIMIT || pico <= -LINE_AMOUNT_LIMIT)) {
    throw new StoreError('amount_out_of_range', 'an amount of one line is 1e17 USD or more', {
      retryable: false,
    });
  }
  writer.nullableAmount(pico);
}
