import { decodeUsageEvent, EventDecodeError } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';
import { readBriefNote } from './brief-note.ts';
import type { NotedRecord } from './journal-format.ts';

/** What the heir of a note puts on its event. */
export type HeirFacts = Pick<UsageEvent, 'sourceRef' | 'ingestedAt'>;

/** The event that stands for an attempt of which nothing more is known. Throws what `decodeUsageEvent` throws. */
export function readNote({ eventId, isBrief, value }: NotedRecord, heir: HeirFacts): UsageEvent {
  if (!isBrief) {
    return { ...decodeUsageEvent(value), ...heir };
  }
  const event = readBriefNote(eventId, value, heir);
  if (event === null) {
    throw new EventDecodeError('undecodable', 'a brief note is not one');
  }
  return event;
}
