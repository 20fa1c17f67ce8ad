import type { Intent } from './intent.ts';
import type { RatedBatch, RecordRange } from './rated-batch.ts';

/** What a range became, and how much of it is stored: kept until all is, so that an attempt never rates anew. */
export interface PendingBatch {
  readonly range: RecordRange;
  readonly batch: RatedBatch;
  readonly intent: Intent;
  /** Ids in it that have no time in them and may be new, for the filter of such ids. */
  readonly directIds: readonly Uint8Array[];
  done: 'nothing' | 'intent' | 'users' | 'rows' | 'verified' | 'letters' | 'all';
  /** Something of it may be stored that nobody heard of: the token alone is no proof then. */
  isUncertain: boolean;
  /** Since when raw and rollups differ where it stands, epoch milliseconds; `null` = no difference was seen. */
  differentSince: number | null;
  /** How often ClickHouse had no memory for it. */
  memoryRefusals: number;
}
