import type { DeadLetter } from '@meterstone/events';
import type { RecordList } from '@meterstone/kafka';
import type { Rater, RatingTerms } from '@meterstone/metering';
import type { RawBlock, RowTexts, UserKeyer, UserName } from '@meterstone/store';
import type { BlockFacts } from './block-facts.ts';
import type { OffsetRange } from './block-token.ts';
import type { DuplicateWindow } from './deduplicate.ts';
import type { OlderEvents } from './older-events.ts';

/** A range of offsets and the records in it. Offsets may have gaps. */
export interface RecordRange extends OffsetRange {
  readonly topic: string;
  readonly records: RecordList;
}

/** What the way over objects needs. The functions may remember, but must answer the same warm and cold. */
export interface ObjectTools {
  readonly terms: RatingTerms;
  /** A rater of these terms. */
  readonly rate: Rater;
  readonly userKeyOf: UserKeyer;
}

/** What a range is held against. */
export interface DraftGround {
  readonly tools: ObjectTools;
  /** What stands before the range in its Kafka partition; only read. */
  readonly window: DuplicateWindow;
  /** What is older than the window; absent = nothing is. */
  readonly older?: OlderEvents;
  /** A block that nothing needs any more, for its memory. */
  readonly spent?: RawBlock;
  /** Where texts of the block go; of its own unless given. */
  readonly texts?: RowTexts;
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
