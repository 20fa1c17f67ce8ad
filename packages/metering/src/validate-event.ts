import { TOKEN_BUCKETS } from './token-buckets.ts';
import { EVENT_LIMITS, type UsageEvent } from './usage-event.ts';

/** Closed list of what makes a usage event unusable, for dead letters. */
export type EventFaultCode =
  | 'invalid_identity'
  | 'invalid_adjustment'
  | 'text_too_long'
  | 'text_missing'
  | 'invalid_tags'
  | 'invalid_attributes'
  | 'invalid_count'
  | 'invalid_quantity'
  | 'invalid_http_status'
  | 'invalid_duration'
  | 'invalid_clock'
  | 'occurred_too_late'
  | 'occurred_too_early';

/** Why an event cannot be booked. `reason` names the field, never its content. */
export interface EventFault {
  readonly code: EventFaultCode;
  readonly reason: string;
}

const ID_BYTES = 16;
/** What `Date` can hold. */
const EPOCH_MS_MAX = 8.64e15;
const ALL_BUCKETS = 2 ** TOKEN_BUCKETS.length - 1;
const USAGE_FLAGS_MAX = 2 ** 31 - 1;
const QUANTITY_NAME_PATTERN = /^[a-z][a-z0-9_]*$/;

type TextField = {
  [Key in keyof UsageEvent]-?: UsageEvent[Key] extends string | null ? Key : never;
}[keyof UsageEvent];

const {
  idCharactersMax,
  providerTextCharactersMax,
  operationIdCharactersMax,
  projectCharactersMax,
  planCharactersMax,
} = EVENT_LIMITS;

/** Free texts and their limits in characters. Enumerations are checked by the codec that reads them. */
const TEXT_LIMITS: readonly (readonly [TextField, number])[] = [
  ['operationId', operationIdCharactersMax],
  ['parentOperationId', operationIdCharactersMax],
  ['sourceRef', idCharactersMax],
  ['correctionId', idCharactersMax],
  ['reason', EVENT_LIMITS.reasonCharactersMax],
  ['orgId', idCharactersMax],
  ['apiKeyId', idCharactersMax],
  ['project', projectCharactersMax],
  ['user', EVENT_LIMITS.userCharactersMax],
  ['sessionId', EVENT_LIMITS.sessionIdCharactersMax],
  ['agent', EVENT_LIMITS.agentCharactersMax],
  ['traceId', idCharactersMax],
  ['plan', planCharactersMax],
  ['provider', providerTextCharactersMax],
  ['requestModel', providerTextCharactersMax],
  ['responseModel', providerTextCharactersMax],
  ['operation', idCharactersMax],
  ['serviceTierRequested', providerTextCharactersMax],
  ['serviceTier', providerTextCharactersMax],
  ['region', providerTextCharactersMax],
  ['finishReason', providerTextCharactersMax],
  ['responseId', providerTextCharactersMax],
  ['errorType', providerTextCharactersMax],
];

const REQUIRED_TEXTS = ['operationId', 'orgId', 'provider', 'operation'] as const;

/**
 * Whether an event that decoded well can be booked; `null` = it can. Pure: the clock that `occurredAt` is held
 * against is the timestamp of the Kafka record, `recordedAt` (epoch milliseconds), or the event's own
 * `ingestedAt` where there is no record yet.
 */
export function validateUsageEvent(event: UsageEvent, recordedAt?: number): EventFault | null {
  return (
    checkIdentity(event) ??
    checkTexts(event) ??
    checkTags(event.tags) ??
    checkAttributes(event.attributes) ??
    checkAdjustment(event) ??
    checkCounts(event) ??
    checkQuantities(event) ??
    checkOutcome(event) ??
    checkClocks(event, recordedAt ?? event.ingestedAt)
  );
}

function fault(code: EventFaultCode, reason: string): EventFault {
  return { code, reason };
}

function checkIdentity(event: UsageEvent): EventFault | null {
  if (event.eventId.length !== ID_BYTES) return fault('invalid_identity', 'event_id has 16 bytes');
  if (!isWhole(event.line, 0, EVENT_LIMITS.lineMax)) {
    return fault('invalid_identity', `line is a whole number from 0 to ${EVENT_LIMITS.lineMax}`);
  }
  if (!isWhole(event.attempt, 0, EVENT_LIMITS.attemptMax)) {
    return fault('invalid_identity', `attempt is a whole number from 0 to ${EVENT_LIMITS.attemptMax}`);
  }
  return null;
}

function checkTexts(event: UsageEvent): EventFault | null {
  for (const field of REQUIRED_TEXTS) {
    if (event[field] === '') return fault('text_missing', `${field} is empty`);
  }
  for (const [field, charactersMax] of TEXT_LIMITS) {
    const text = event[field];
    if (text !== null && isLongerThan(text, charactersMax)) {
      return fault('text_too_long', `${field} is over ${charactersMax} characters`);
    }
  }
  if (event.usageRaw !== null && utf8Bytes(event.usageRaw) > EVENT_LIMITS.usageRawBytesMax) {
    return fault('text_too_long', `usageRaw is over ${EVENT_LIMITS.usageRawBytesMax} bytes`);
  }
  return null;
}

function checkTags(tags: readonly string[]): EventFault | null {
  const { tagsMax, tagCharactersMax } = EVENT_LIMITS;
  if (tags.length > tagsMax) return fault('invalid_tags', `there are more than ${tagsMax} tags`);
  let previous: string | null = null;
  for (const tag of tags) {
    if (tag === '' || isLongerThan(tag, tagCharactersMax)) {
      return fault('invalid_tags', `a tag has 1 to ${tagCharactersMax} characters`);
    }
    if (previous !== null && compareByCodePoint(previous, tag) >= 0) {
      return fault('invalid_tags', 'tags are sorted by code point and differ');
    }
    previous = tag;
  }
  return null;
}

function checkAttributes(attributes: Readonly<Record<string, string>>): EventFault | null {
  const { attributesMax, attributeKeyCharactersMax, attributeValueCharactersMax } = EVENT_LIMITS;
  const pairs = Object.entries(attributes);
  if (pairs.length > attributesMax) {
    return fault('invalid_attributes', `there are more than ${attributesMax} attributes`);
  }
  for (const [key, value] of pairs) {
    if (key === '' || isLongerThan(key, attributeKeyCharactersMax)) {
      return fault('invalid_attributes', `an attribute key has 1 to ${attributeKeyCharactersMax} characters`);
    }
    if (isLongerThan(value, attributeValueCharactersMax)) {
      return fault(
        'invalid_attributes',
        `an attribute value is over ${attributeValueCharactersMax} characters`,
      );
    }
  }
  return null;
}

function checkAdjustment(event: UsageEvent): EventFault | null {
  const { adjustsEventId, adjustsLine, correctionId } = event;
  if (event.kind === 'adjustment') {
    const isComplete = adjustsEventId?.length === ID_BYTES && adjustsLine !== null && correctionId !== null;
    return isComplete
      ? null
      : fault('invalid_adjustment', 'an adjustment names its event, line and correction');
  }
  const isPlain =
    adjustsEventId === null &&
    adjustsLine === null &&
    event.marketCostDelta === null &&
    event.totalCostDelta === null &&
    event.surchargeCostDelta === null &&
    event.chargeDelta === null;
  return isPlain ? null : fault('invalid_adjustment', 'only an adjustment adjusts');
}

function checkCounts(event: UsageEvent): EventFault | null {
  const { countMax } = EVENT_LIMITS;
  const countMin = event.kind === 'adjustment' ? -countMax : 0;
  for (const bucket of TOKEN_BUCKETS) {
    if (!isWhole(event[bucket], countMin, countMax)) {
      return fault('invalid_count', `${bucket} is not a whole number from ${countMin} to ${countMax}`);
    }
  }
  if (!isWhole(event.presentBuckets, 0, ALL_BUCKETS)) {
    return fault('invalid_count', 'presentBuckets has one bit per bucket');
  }
  if (!isWhole(event.usageFlags, 0, USAGE_FLAGS_MAX)) {
    return fault('invalid_count', 'usageFlags is a set of bits');
  }
  if (!isWholeOrNull(event.requestTextBytes) || !isWholeOrNull(event.outputDeltas)) {
    return fault('invalid_count', 'the basis of an estimate is a whole number');
  }
  return null;
}

function checkQuantities(event: UsageEvent): EventFault | null {
  const { quantitiesMax, quantityNameCharactersMax, countMax } = EVENT_LIMITS;
  const pairs = Object.entries(event.quantities);
  const countMin = event.kind === 'adjustment' ? -countMax : 0;
  if (pairs.length > quantitiesMax) {
    return fault('invalid_quantity', `there are more than ${quantitiesMax} quantities`);
  }
  for (const [name, count] of pairs) {
    if (name.length > quantityNameCharactersMax || !QUANTITY_NAME_PATTERN.test(name)) {
      return fault('invalid_quantity', 'a quantity is named in lower snake_case');
    }
    if (!isWhole(count, countMin, countMax)) {
      return fault('invalid_quantity', `a quantity is not a whole number from ${countMin} to ${countMax}`);
    }
  }
  return null;
}

function checkOutcome(event: UsageEvent): EventFault | null {
  if (event.httpStatus !== null && !isWhole(event.httpStatus, 100, 999)) {
    return fault('invalid_http_status', 'httpStatus has three digits');
  }
  if (!isWholeOrNull(event.timeToFirstTokenMs) || !isWholeOrNull(event.durationMs)) {
    return fault('invalid_duration', 'durations are whole milliseconds');
  }
  return null;
}

function checkClocks(event: UsageEvent, recordedAt: number): EventFault | null {
  const { occurredAt, ingestedAt } = event;
  if (
    !isWhole(occurredAt, -EPOCH_MS_MAX, EPOCH_MS_MAX) ||
    !isWhole(ingestedAt, -EPOCH_MS_MAX, EPOCH_MS_MAX)
  ) {
    return fault('invalid_clock', 'instants are whole epoch milliseconds');
  }
  if (occurredAt > recordedAt + EVENT_LIMITS.occurredAfterRecordMsMax) {
    return fault('occurred_too_late', 'occurredAt is too far after the record');
  }
  if (occurredAt < recordedAt - EVENT_LIMITS.occurredBeforeRecordMsMax) {
    return fault('occurred_too_early', 'occurredAt is too far before the record');
  }
  return null;
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}

function isWholeOrNull(value: number | null): boolean {
  return value === null || isWhole(value, 0, EVENT_LIMITS.countMax);
}

/** Characters are code points; counting them is needed only where the UTF-16 length is over. */
function isLongerThan(text: string, charactersMax: number): boolean {
  if (text.length <= charactersMax) return false;
  if (text.length > charactersMax * 2) return true;
  let characters = 0;
  for (const _ of text) characters += 1;
  return characters > charactersMax;
}

/** Order of code points, which is the order of UTF-8 bytes; `<` on strings compares UTF-16 units. */
function compareByCodePoint(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length) {
    const left = a.codePointAt(i) ?? 0;
    const right = b.codePointAt(i) ?? 0;
    if (left !== right) return left - right;
    i += left > 0xffff ? 2 : 1;
  }
  return a.length - b.length;
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else bytes += code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
