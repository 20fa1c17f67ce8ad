import type { FetchedRecord } from '@meterstone/kafka';
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
import type { FastLane } from './fast-lane/fast-lane.ts';
import { IdentityKey } from './identity-key.ts';
import type { BatchOutcome, DraftGround, ObjectTools, RecordRange, UnknownOrg } from './rated-batch.ts';
import { readRecord } from './read-record.ts';

/** What rating needs besides the range. */
export interface RatingTools extends ObjectTools {
  /** Of the same terms; `null` = every record goes the way over objects, to the same end. */
  readonly fastLane: FastLane | null;
}

/** What a range is rated with, and held against. */
export interface BatchGround extends DraftGround {
  readonly tools: RatingTools;
}

/**
 * Turns a range into rows, dead letters and counts. A pure function of the range's records, the terms, and what stands
 * before the range in its Kafka partition: no clock, no randomness, so that a replay gives the same bytes. An unpriceable
 * event is stored with absent amounts.
 */
export function rateBatch(range: RecordRange, ground: BatchGround): BatchOutcome {
  const { fastLane } = ground.tools;
  const draft = openDraft(range, fastLane === null ? ground : { ...ground, texts: fastLane.begin() });
  const key = new IdentityKey();
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
