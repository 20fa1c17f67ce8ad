import type { DeadLetter } from '@meterstone/events';
import type { FetchedRecord } from '@meterstone/kafka';
import type { Rater, RatingTerms, UsageEvent } from '@meterstone/metering';
import {
  appendRawRow,
  createRawBlock,
  type RawBlock,
  StoreError,
  type UserKeyer,
  type UserName,
} from '@meterstone/store';
import { BlockFacts } from './block-facts.ts';
import type { OffsetRange } from './block-token.ts';
import { DuplicateWindow, type Standing } from './deduplicate.ts';
import type { ContentHasher } from './event-content.ts';
import type { OlderEvents } from './older-events.ts';
import { type RecordFault, readRecord } from './read-record.ts';

/** A range of offsets and the records in it. Offsets may have gaps. */
export interface RecordRange extends OffsetRange {
  readonly topic: string;
  readonly records: readonly FetchedRecord[];
}

/** What rating needs besides the range. The functions may remember, but must answer the same warm and cold. */
export interface RatingTools {
  readonly terms: RatingTerms;
  /** A rater of these terms. */
  readonly rate: Rater;
  readonly userKeyOf: UserKeyer;
  readonly contentOf: ContentHasher;
  /** What is older than the window; absent = nothing is. */
  readonly older?: OlderEvents;
}

/** `records` = `stored` + `duplicates` + `deadLetters`. */
interface BatchCounts {
  readonly records: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
}

/** All that a range becomes. */
export interface RatedBatch {
  readonly block: RawBlock;
  /** Each user of the block once, in order of appearance. */
  readonly users: readonly UserName[];
  readonly deadLetters: readonly DeadLetter[];
  readonly counts: BatchCounts;
  /** Of the block's rows. */
  readonly facts: BlockFacts;
  /** The range's own identities, for the window once the range is stored. */
  readonly seen: DuplicateWindow;
}

/** `unknown_org`: the terms do not know an org (yet); nothing was decided, the same range can be rated again later. */
export type BatchOutcome =
  | { readonly kind: 'rated'; readonly batch: RatedBatch }
  | { readonly kind: 'unknown_org'; readonly orgId: string; readonly kafkaOffset: number };

/**
 * Turns a range into rows, dead letters and counts. A pure function of the range's records, the terms, and what stands
 * before the range in its Kafka partition (`window`, which is only read): no clock, no randomness, so that a replay
 * gives the same bytes. An unpriceable event is stored with absent amounts.
 */
export function rateBatch(range: RecordRange, window: DuplicateWindow, tools: RatingTools): BatchOutcome {
  const draft: Draft = {
    range,
    tools,
    block: createRawBlock(),
    users: new Map(),
    facts: new BlockFacts(),
    deadLetters: [],
    seen: new DuplicateWindow(),
    stored: 0,
    duplicates: 0,
  };
  for (const record of range.records) {
    const read = readRecord(record);
    if (read.kind === 'fault') {
      refuse(draft, record, read.fault);
      continue;
    }
    const { event } = read;
    const standing = stand(draft, { event, record, window });
    if (standing !== 'absent') {
      settleDuplicate(draft, record, standing);
      continue;
    }
    if (!tools.terms.orgs.has(event.orgId)) {
      return { kind: 'unknown_org', orgId: event.orgId, kafkaOffset: record.offset };
    }
    book(draft, record, event);
  }
  return { kind: 'rated', batch: toBatch(draft) };
}

/** A batch in the making. */
interface Draft {
  readonly range: RecordRange;
  readonly tools: RatingTools;
  readonly block: RawBlock;
  /** By org and user key. */
  readonly users: Map<string, UserName>;
  readonly facts: BlockFacts;
  readonly deadLetters: DeadLetter[];
  readonly seen: DuplicateWindow;
  stored: number;
  duplicates: number;
}

/** How a record stands against all before it, in the window and in the range; then it is one of those itself. */
function stand(
  draft: Draft,
  { event, record, window }: { event: UsageEvent; record: FetchedRecord; window: DuplicateWindow },
): Standing {
  const { seen, tools } = draft;
  const { eventId, line } = event;
  const content = tools.contentOf(event);
  const here = seen.find(eventId, line, content);
  const before = window.find(eventId, line, content);
  seen.add({ eventId, line, content, kafkaOffset: record.offset });
  if (here === 'copy' || before === 'copy') {
    return 'copy';
  }
  const standing = here === 'conflict' ? here : before;
  if (standing !== 'absent' || tools.older === undefined) {
    return standing;
  }
  return tools.older.find(event, record, () => tools.userKeyOf(event.orgId, event.user));
}

function settleDuplicate(draft: Draft, record: FetchedRecord, standing: 'copy' | 'conflict'): void {
  if (standing === 'copy') {
    draft.duplicates += 1;
    return;
  }
  refuse(draft, record, {
    code: 'duplicate_conflict',
    reason: 'its event_id and line stand at a smaller offset with other content, and the first one counts',
  });
}

function book(draft: Draft, record: FetchedRecord, event: UsageEvent): void {
  const { range, tools } = draft;
  const userKey = tools.userKeyOf(event.orgId, event.user);
  const { stream, kafkaPartition } = range;
  const rating = tools.rate(event);
  try {
    appendRawRow(draft.block, {
      event,
      rating,
      userKey,
      coordinates: { stream, kafkaPartition, kafkaOffset: record.offset },
    });
  } catch (error) {
    if (error instanceof StoreError && error.code === 'amount_out_of_range') {
      refuse(draft, record, { code: 'amount_out_of_range', reason: error.message });
      return;
    }
    throw error;
  }
  draft.stored += 1;
  draft.facts.add(event, rating);
  if (event.user !== null && event.user !== '') {
    const key = `${event.orgId}\u0000${event.user}`;
    if (!draft.users.has(key)) {
      draft.users.set(key, { orgId: event.orgId, userKey, user: event.user });
    }
  }
}

function refuse({ range, deadLetters }: Draft, record: FetchedRecord, { code, reason }: RecordFault): void {
  deadLetters.push({
    stream: range.stream,
    topic: range.topic,
    kafkaPartition: range.kafkaPartition,
    kafkaOffset: record.offset,
    recordTimestamp: record.timestampMs,
    recordKey: record.key,
    recordValue: record.value,
    code,
    reason,
  });
}

function toBatch({ block, users, deadLetters, facts, seen, stored, duplicates }: Draft): RatedBatch {
  const counts = {
    records: stored + duplicates + deadLetters.length,
    stored,
    duplicates,
    deadLetters: deadLetters.length,
  };
  return { block, users: [...users.values()], deadLetters, counts, facts, seen };
}
