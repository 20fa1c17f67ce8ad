import type { FetchedRecord } from '@meterstone/kafka';
import type { UsageEvent } from '@meterstone/metering';
import type { EventKey, StoredEvents } from '@meterstone/store';
import type { Standing } from './deduplicate.ts';
import type { IdFilter } from './id-filter.ts';
import type { WindowEdge } from './partition-window.ts';

/**
 * Duplicates are found within two windows. Memory: the last `WINDOW_OFFSETS_MAX` offsets of the Kafka partition, as far
 * as the log still holds them. ClickHouse: whatever `raw_events` holds, which nothing removes by itself. Behind both, an
 * event that is sent again is stored again.
 */

/**
 * How far a proxy's clock may be ahead of the broker's, in milliseconds. Within it, the time in a proxied event's id says
 * that no copy of it can stand below the window of memory; a clock further ahead can hide one, and is counted. The window
 * has to span more than this, or every event is looked up: 2,000,000 offsets last 15 s up to 133,000 events/s of one
 * Kafka partition.
 */
export const CLOCK_SKEW_MS_MAX = 15_000;

/** How events stand against what is older than the window of memory. */
export interface OlderEvents {
  /** Ids that were asked about and have no time in them, in order. */
  readonly direct: readonly Uint8Array[];
  /** What has to be looked up before any answer counts; taken for absent until then. */
  readonly undecided: readonly EventKey[];
  /** Events whose ids were made later than {@link CLOCK_SKEW_MS_MAX} after their own records, by the clocks of both. */
  clocksAhead: number;
  /**
   * Whether an event is surely not among them: one whose id was made at `madeAtMs` (epoch milliseconds; `null` = there is
   * no time in it) and whose record has the timestamp `recordedAt`.
   */
  excludes(madeAtMs: number | null, recordedAt: number): boolean;
  /** `userKey` is the event's own. */
  find(event: UsageEvent, record: FetchedRecord, userKey: () => Uint8Array): Standing;
  /** As {@link find}, but always by rows, those of the window included, whatever memory could tell. */
  findRow(event: UsageEvent, userKey: () => Uint8Array): Standing;
}

export interface OlderEventsOptions {
  readonly edge: WindowEdge;
  /** An earlier stream has rows: what memory does not hold may stand there. */
  readonly hasPredecessors: boolean;
  /** All ids of older rows that did not come through a proxy; `null` = it is not known which. */
  readonly directIds: IdFilter | null;
  /** Identities that were looked up, and what was found; `null` = nothing was looked up yet. */
  readonly lookedUp: { readonly keys: ReadonlySet<string>; readonly found: StoredEvents } | null;
}

/**
 * Decides without asking wherever that is safe, so that an ordinary range costs no look-up: what it does not ask for is
 * certainly not there, so the answer is the same however much memory holds.
 */
export function createOlderEvents(options: OlderEventsOptions): OlderEvents {
  const { edge, hasPredecessors, directIds, lookedUp } = options;
  const direct: Uint8Array[] = [];
  const undecided: EventKey[] = [];
  const isEmpty = edge.isWhole && !hasPredecessors;
  const excludes = (madeAtMs: number | null, recordedAt: number) =>
    isEmpty || (madeAtMs !== null && isYounger(madeAtMs, recordedAt, edge));
  return {
    direct,
    undecided,
    clocksAhead: 0,
    excludes,
    find(event, record, userKey) {
      const madeAtMs = isTimed(event) ? timeIn(event.eventId) : null;
      if (madeAtMs !== null && madeAtMs > record.timestampMs + CLOCK_SKEW_MS_MAX) {
        this.clocksAhead += 1;
      }
      if (excludes(madeAtMs, record.timestampMs)) {
        return 'absent';
      }
      if (madeAtMs === null) {
        direct.push(event.eventId);
        if (directIds !== null && !directIds.mayHave(event.eventId)) {
          return 'absent';
        }
      }
      return this.findRow(event, userKey);
    },
    findRow(event, userKey) {
      if (lookedUp?.keys.has(identityOf(event)) !== true) {
        undecided.push({ eventId: event.eventId, line: event.line, orgId: event.orgId });
        return 'absent';
      }
      return lookedUp.found.find(event, userKey());
    },
  };
}

/** A text that names a line. */
export function identityOf({ eventId, line }: Pick<EventKey, 'eventId' | 'line'>): string {
  return `${Buffer.from(eventId.buffer, eventId.byteOffset, eventId.length).toString('latin1')}/${line}`;
}

/** Its id was made by a proxy when the request came: a UUIDv7, which begins with that time. */
function isTimed({ source, eventId }: UsageEvent): boolean {
  return source === 'proxy' && (eventId[VERSION_BYTE] ?? 0) >>> 4 === 7;
}

const VERSION_BYTE = 6;
const TIME_BYTES = 6;

function timeIn(eventId: Uint8Array): number {
  let madeAtMs = 0;
  for (let index = 0; index < TIME_BYTES; index++) {
    madeAtMs = madeAtMs * 256 + (eventId[index] ?? 0);
  }
  return madeAtMs;
}

/** It was made after everything below the window was appended, or at least no clock within the allowance says otherwise. */
function isYounger(madeAtMs: number, recordedAt: number, edge: WindowEdge): boolean {
  return (
    edge.timestampMs !== null &&
    madeAtMs - CLOCK_SKEW_MS_MAX > edge.timestampMs &&
    madeAtMs <= recordedAt + CLOCK_SKEW_MS_MAX
  );
}
