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
import type { RowBinaryWriter } from './row-binary.ts';
import type { RowTexts } from './shared-texts.ts';

/** Where a record stood on Kafka. */
interface Coordinates {
  /** Number of the topic's incarnation. */
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly kafkaOffset: number;
}

/** What a rating says besides its amounts. */
export type RatingNames = Omit<Rating, 'marketCost' | 'totalCost' | 'surchargeCost' | 'charge'>;

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

const INT32_BYTES = 4;
const INT64_BYTES = 8;
const UUID_BYTES = 16;
const AMOUNT_BYTES = 16;
const UUID_CHARACTERS = 36;
/** Where the two digits of each byte stand in a UUID's text, and where the dashes. */
const UUID_BYTES_AT: Uint8Array = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const UUID_DASHES_AT = [8, 13, 18, 23];
const DASH = 0x2d;
const HEX_DIGITS: Uint8Array = Buffer.from('0123456789abcdef', 'latin1');

/** Appends one row in `RAW_ROW_LAYOUT`; its shared texts go to `texts`. */
export function writeRawRow(writer: RowBinaryWriter, row: RawRow, texts: RowTexts): void {
  writer.int32(whoNumber(texts, row.event));
  writer.int32(whatNumber(texts, row.event));
  writer.int32(ratingNumber(texts, row.rating));
  writeHead(writer, row);
  writeTail(writer, row.event);
  // Texts are read by whole words.
  writer.int64(0);
}

/** The number of an event's texts of the group `who`. */
export function whoNumber({ who }: RowTexts, { orgId, apiKeyId, project }: UsageEvent): number {
  return who.numberOf([orgId, apiKeyId, project]);
}

/** The number of an event's texts of the group `what`. */
export function whatNumber({ what }: RowTexts, event: UsageEvent): number {
  return what.numberOf([
    event.provider,
    event.requestModel,
    event.responseModel,
    event.operation,
    event.serviceTierRequested,
    event.serviceTier,
    event.region,
  ]);
}

/** The number of a rating's texts. */
export function ratingNumber({ rating }: RowTexts, named: RatingNames): number {
  return rating.numberOf([
    named.model,
    named.priceBook,
    named.unpricedReason,
    named.plan,
    named.ratePlanVersion,
    named.epoch,
  ]);
}

/** Values of fixed width, in the order of their columns. */
function writeHead(writer: RowBinaryWriter, { event, rating, userKey, coordinates }: RawRow): void {
  writer.uuid(event.eventId);
  writer.int32(event.line);
  writer.int32(event.attempt);
  writer.bool(event.final);
  writer.byte(KIND_CODES[event.kind]);
  writer.byte(SOURCE_CODES[event.source]);
  writeAdjustment(writer, event);
  writer.int64(event.occurredAt);
  writer.int64(event.ingestedAt);
  writer.fixed16(userKey);
  writer.byte(CREDENTIAL_TYPE_CODES[event.credentialType]);
  writer.bool(event.zeroDataRetention);
  writer.bool(event.streamed);
  writeOutcome(writer, event);
  writeUsage(writer, event);
  writeNullable(writer, INT32_BYTES, () => writer.nullableInt32(event.timeToFirstTokenMs));
  writeNullable(writer, INT32_BYTES, () => writer.nullableInt32(event.durationMs));
  writeRatedAmount(writer, rating.marketCost);
  writeRatedAmount(writer, rating.totalCost);
  writeRatedAmount(writer, rating.surchargeCost);
  writeRatedAmount(writer, rating.charge);
  writer.byte(PRICE_MATCH_CODES[rating.priceMatch]);
  writer.int32(coordinates.stream);
  writer.int32(coordinates.kafkaPartition);
  writer.int64(coordinates.kafkaOffset);
  writer.int32(OWN_PERIOD);
}

function writeAdjustment(writer: RowBinaryWriter, event: UsageEvent): void {
  writeNullable(writer, UUID_BYTES, () => writer.nullableUuid(event.adjustsEventId));
  writer.int32(event.adjustsLine ?? 0);
  writeAmount(writer, event.marketCostDelta);
  writeAmount(writer, event.totalCostDelta);
  writeAmount(writer, event.surchargeCostDelta);
  writeAmount(writer, event.chargeDelta);
}

function writeOutcome(writer: RowBinaryWriter, event: UsageEvent): void {
  writer.int32(event.httpStatus ?? 0);
  writer.byte(OUTCOME_CODES[event.outcome]);
  writer.byte(USAGE_SOURCE_CODES[event.usageSource]);
  writer.int32(event.usageFlags);
  writeNullable(writer, INT64_BYTES, () => writer.nullableInt64(event.requestTextBytes));
  writeNullable(writer, INT32_BYTES, () => writer.nullableInt32(event.outputDeltas));
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
  writeAmount(writer, event.providerReportedCost);
}

/** Values of any length, in the order of their columns. */
function writeTail(writer: RowBinaryWriter, event: UsageEvent): void {
  writer.text(isOwnId(event) ? null : event.operationId);
  writer.text(event.parentOperationId);
  writer.text(event.sourceRef);
  writer.text(event.correctionId);
  writer.text(event.reason);
  writer.text(event.sessionId);
  writer.text(event.agent);
  writer.text(event.traceId);
  writer.length(event.tags.length);
  writer.texts(event.tags);
  const attributes = Object.keys(event.attributes);
  writer.length(attributes.length);
  for (const key of attributes) {
    writer.text(key);
    writer.text(event.attributes[key] ?? null);
  }
  writer.text(event.plan);
  writer.text(event.finishReason);
  writer.text(event.responseId);
  writer.text(event.errorType);
  const quantities = Object.keys(event.quantities);
  writer.length(quantities.length);
  for (const key of quantities) {
    writer.text(key);
    writer.int64(event.quantities[key] ?? 0);
  }
  writer.text(event.usageRaw);
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

function writeRatedAmount(writer: RowBinaryWriter, pico: bigint | null): void {
  if (pico !== null && (pico >= LINE_AMOUNT_LIMIT || pico <= -LINE_AMOUNT_LIMIT)) {
    throw new StoreError('amount_out_of_range', 'an amount of one line is 1e17 USD or more', {
      retryable: false,
    });
  }
  writeAmount(writer, pico);
}

function writeAmount(writer: RowBinaryWriter, pico: bigint | null): void {
  writeNullable(writer, AMOUNT_BYTES, () => writer.nullableAmount(pico));
}

/** A value takes its room where it is NULL too. */
function writeNullable(writer: RowBinaryWriter, bytes: number, write: () => void): void {
  const end = writer.position + 1 + bytes;
  write();
  writer.skipTo(end);
}
