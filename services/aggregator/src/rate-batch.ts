import type { DeadLetter } from '@meterstone/events';
import type { FetchedRecord } from '@meterstone/kafka';
import type { Rater, RatingTerms } from '@meterstone/metering';
import type { RawBlock, UserKeyer, UserName } from '@meterstone/store';
import {
  type BatchDraft,
  book,
  closeDraft,
  isDecided,
  openDraft,
  refuse,
  settleDuplicate,
  standBeyondMemory,
  standInMemory,
} from './batch-draft.ts';
import type { BlockFacts } from './block-facts.ts';
import type { OffsetRange } from './block-token.ts';
import type { DuplicateWindow } from './deduplicate.ts';
import type { FastLane } from './fast-lane/fast-lane.ts';
import { IdentityKey } from './identity-key.ts';
import type { OlderEvents } from './older-events.ts';
import { readRecord } from './read-record.ts';

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
  /** Of the same terms; `null` = every record goes the way over objects, to the same end. */
  readonly fastLane: FastLane | null;
}

/** What a range is held against. */
export interface BatchGround {
  readonly tools: RatingTools;
  /** What stands before the range in its Kafka partition; only read. */
  readonly window: DuplicateWindow;
  /** What is older than the window; absent = nothing is. */
  readonly older?: OlderEvents;
  /** A block that nothing needs any more, for its memory. */
  readonly spent?: RawBlock;
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

/** The terms do not know an org (yet); nothing was decided, the same range can be rated again later. */
export interface UnknownOrg {
  readonly kind: 'unknown_org';
  readonly orgId: string;
  readonly kafkaOffset: number;
}

export type BatchOutcome = { readonly kind: 'rated'; readonly batch: RatedBatch } | UnknownOrg;

/**
 * Turns a range into rows, dead letters and counts. A pure function of the range's records, the terms, and what stands
 * before the range in its Kafka partition: no clock, no randomness, so that a replay gives the same bytes. An unpriceable
 * event is stored with absent amounts.
 */
export function rateBatch(range: RecordRange, ground: BatchGround): BatchOutcome {
  const draft = openDraft(range, ground);
  const { fastLane } = ground.tools;
  const key = new IdentityKey();
  fastLane?.begin();
  for (const record of range.records) {
    const taken = fastLane?.take(draft, record) ?? 'unusual';
    const outcome = taken === 'unusual' ? takeAsObject(draft, record, key) : taken;
    if (outcome !== 'taken') {
      return outcome;
    }
  }
  return { kind: 'rated', batch: closeDraft(draft) };
}

/** The way that every record can go. */
function takeAsObject(draft: BatchDraft, record: FetchedRecord, key: IdentityKey): 'taken' | UnknownOrg {
  const read = readRecord(record);
  if (read.kind === 'fault') {
    refuse(draft, record, read.fault);
    return 'taken';
  }
  const { event, content } = read;
  key.read(event.eventId, 0, event.line);
  const inMemory = standInMemory(draft, record, { key, content });
  const standing = isDecided(inMemory) ? inMemory : standBeyondMemory(draft, { record, event, inMemory });
  if (standing !== 'absent') {
    settleDuplicate(draft, record, standing);
    return 'taken';
  }
  if (!draft.tools.terms.orgs.has(event.orgId)) {
    return { kind: 'unknown_org', orgId: event.orgId, kafkaOffset: record.offset };
  }
  book(draft, record, event);
  return 'taken';
}
