import { type DeadLetter, decodeUsageEvent, EventDecodeError } from '@meterstone/events';
import { type UsageEvent, validateUsageEvent } from '@meterstone/metering';

/**
 * What would become of a dead letter if its bytes were sent again now. `fit`: this version reads them and finds no fault
 * of their own. `unfit`: it would be a dead letter again, or cannot be sent as it was.
 */
export type LetterState =
  | { readonly kind: 'fit'; readonly event: UsageEvent; readonly value: Buffer }
  | { readonly kind: 'unfit'; readonly code: string; readonly reason: string };

/** The aggregator keeps so much of a record's value, and says in the reason that it cut the rest. */
const LETTER_VALUE_BYTES_MAX = 1_000_000;

/**
 * Looks at the bytes of a letter with this version's eyes. Pure: what depends on stored rows or on prices (a conflict with
 * another event, an amount out of range) is not looked at, except that a conflict never becomes anything else.
 */
export function letterState(letter: DeadLetter): LetterState {
  const { recordValue, recordTimestamp, code, reason } = letter;
  if (recordValue === null) return unfit('no_value', 'the record had no value');
  if (recordValue.length >= LETTER_VALUE_BYTES_MAX) {
    return unfit('cut', 'only a part of the record is in the letter');
  }
  if (code === 'duplicate_conflict') return unfit(code, reason);
  const event = readEvent(recordValue);
  if (event instanceof EventDecodeError) return unfit(event.code, event.message);
  const fault = validateUsageEvent(event, recordTimestamp);
  return fault === null ? { kind: 'fit', event, value: recordValue } : unfit(fault.code, fault.reason);
}

function readEvent(value: Buffer): UsageEvent | EventDecodeError {
  try {
    return decodeUsageEvent(value);
  } catch (error) {
    if (error instanceof EventDecodeError) return error;
    throw error;
  }
}

function unfit(code: string, reason: string): LetterState {
  return { kind: 'unfit', code, reason };
}
