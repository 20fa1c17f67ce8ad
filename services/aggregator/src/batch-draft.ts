import type { DeadLetter } from '@meterstone/events';
import type { FetchedRecord } from '@meterstone/kafka';
import type { UsageEvent } from '@meterstone/metering';
import { appendRawRow, createRawBlock, type RawBlock, StoreError } from '@meterstone/store';
import { BlockFacts } from './block-facts.ts';
import { DuplicateWindow, type Standing } from './deduplicate.ts';
import type { IdentityKey } from './identity-key.ts';
import type { DraftGround, RatedBatch, RecordRange } from './rated-batch.ts';
import type { RecordFault } from './read-record.ts';
import { isReplay } from './replayed-letter.ts';
import { UserList } from './user-list.ts';

/** What memory says of a record. */
export type StandingInMemory = Standing | 'replayed';

/** A batch in the making. */
export interface BatchDraft extends DraftGround {
  readonly range: RecordRange;
  readonly block: RawBlock;
  readonly users: UserList;
  readonly facts: BlockFacts;
  readonly deadLetters: DeadLetter[];
  readonly seen: DuplicateWindow;
  stored: number;
  duplicates: number;
}

export function openDraft(range: RecordRange, ground: DraftGround): BatchDraft {
  return {
    ...ground,
    range,
    block: createRawBlock(ground),
    users: new UserList(),
    facts: new BlockFacts(),
    deadLetters: [],
    seen: new DuplicateWindow(range.records.length),
    stored: 0,
    duplicates: 0,
  };
}

/** The draft as it came out. */
export function closeDraft(draft: BatchDraft): RatedBatch {
  const { block, users, deadLetters, facts, seen, stored, duplicates } = draft;
  const counts = {
    records: stored + duplicates + deadLetters.length,
    stored,
    duplicates,
    deadLetters: deadLetters.length,
  };
  return { block, users: users.all, deadLetters, counts, facts, seen };
}

/**
 * How a record stands against those before it, in its range and in the window, `content` being the hash of what its event
 * says; then it is one of those itself. `replayed` = what stands in the window may be what was refused and is sent again
 * with it: only rows can tell.
 */
export function standInMemory(
  { seen, window }: BatchDraft,
  record: FetchedRecord,
  { key, content }: { readonly key: IdentityKey; readonly content: number },
): StandingInMemory {
  const here = seen.add(key, content, record.offset);
  const before = window.find(key, content);
  if (here === 'copy' || before === 'absent') {
    return here;
  }
  if (isReplay(record)) {
    return here === 'conflict' ? here : 'replayed';
  }
  return before;
}

/** Whether memory alone says that a record is a duplicate. */
export function isDecided(standing: StandingInMemory): standing is 'copy' | 'conflict' {
  return standing === 'copy' || standing === 'conflict';
}

/** How a record stands that memory cannot call a duplicate. */
export function standBeyondMemory(
  { older, tools }: BatchDraft,
  { record, event, inMemory }: { record: FetchedRecord; event: UsageEvent; inMemory: 'absent' | 'replayed' },
): Standing {
  if (older === undefined) {
    return 'absent';
  }
  const userKey = () => tools.userKeyOf(event.orgId, event.user);
  return inMemory === 'replayed' ? older.findRow(event, userKey) : older.find(event, record, userKey);
}

/** Counts a copy; makes a dead letter of another event under the same identity. */
export function settleDuplicate(
  draft: BatchDraft,
  record: FetchedRecord,
  standing: 'copy' | 'conflict',
): void {
  if (standing === 'copy') {
    draft.duplicates += 1;
    return;
  }
  refuse(draft, record, {
    code: 'duplicate_conflict',
    reason: 'its event_id and line stand at a smaller offset with other content, and the first one counts',
  });
}

/** Rates an event and adds its row, or makes a dead letter of it where its amounts are out of range. */
export function book(draft: BatchDraft, record: FetchedRecord, event: UsageEvent): void {
  const { tools } = draft;
  const { stream, kafkaPartition } = draft.range;
  const userKey = tools.userKeyOf(event.orgId, event.user);
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
    draft.users.add({ orgId: event.orgId, userKey, user: event.user });
  }
}

/** Makes a dead letter of a record. */
export function refuse(
  { range, deadLetters }: BatchDraft,
  record: FetchedRecord,
  { code, reason }: RecordFault,
): void {
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
