import {
  EventDecodeError,
  type EventDecodeErrorCode,
  type ReadUsageEvent,
  readUsageEvent,
} from '@meterstone/events';
import type { FetchedRecord } from '@meterstone/kafka';
import { type EventFaultCode, validateUsageEvent } from '@meterstone/metering';

/**
 * Why a record becomes a dead letter: the closed list.
 * `record_too_large`: over `RECORD_BYTES_MAX`. `undecodable`, `unknown_schema`: as `readUsageEvent` says (a record
 * without a value is undecodable). The codes of `validateUsageEvent`. `amount_out_of_range`: rated, an amount has more
 * than 38 digits. `duplicate_conflict`: its (event id, line) stands at a smaller offset with other content.
 */
type DeadLetterCode =
  | 'record_too_large'
  | EventDecodeErrorCode
  | EventFaultCode
  | 'amount_out_of_range'
  | 'duplicate_conflict';

/** What is wrong with a record. */
export interface RecordFault {
  readonly code: DeadLetterCode;
  /** For a person; no content of the event. */
  readonly reason: string;
}

/** What a record turned out to be. */
export type ReadRecord =
  | ({ readonly kind: 'event' } & ReadUsageEvent)
  | { readonly kind: 'fault'; readonly fault: RecordFault };

/** Bytes of a record's value. A valid event has at most about 50,000 (its texts have limits). */
export const RECORD_BYTES_MAX = 262_144;

/**
 * The event in a record, or what is wrong with it. Pure; never throws. Held against the record's own timestamp, an
 * event's `occurredAt` is bounded, which bounds the months that one insert can touch (ClickHouse refuses over 100).
 */
export function readRecord({ value, timestampMs }: FetchedRecord): ReadRecord {
  if (value === null) {
    return toFault('undecodable', 'the record has no value');
  }
  if (value.length > RECORD_BYTES_MAX) {
    return toFault('record_too_large', `the value has ${value.length} bytes, more than ${RECORD_BYTES_MAX}`);
  }
  let read: ReadUsageEvent;
  try {
    read = readUsageEvent(value);
  } catch (error) {
    if (error instanceof EventDecodeError) {
      return toFault(error.code, error.message);
    }
    throw error;
  }
  const { event, content } = read;
  const fault = validateUsageEvent(event, timestampMs);
  return fault === null ? { kind: 'event', event, content } : { kind: 'fault', fault };
}

function toFault(code: DeadLetterCode, reason: string): ReadRecord {
  return { kind: 'fault', fault: { code, reason } };
}
