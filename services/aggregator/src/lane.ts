import type { IdFilter } from './id-filter.ts';
import { emptyWindow, type PartitionWindow } from './partition-window.ts';
import type { PendingBatch } from './pending-batch.ts';

/** What is remembered of one Kafka partition. */
export interface Lane {
  /** Number of the topic's incarnation; 0 until its first assignment. */
  stream: number;
  partition: PartitionWindow;
  /** Filter of all ids of older rows that have no time in them. */
  idFilter: LaneIdFilter;
  /** The last range, while it is not stored whole. */
  pending: PendingBatch | null;
  /** Records of one block, less than what is fetched while ClickHouse has no memory for more. */
  recordsMax: number;
  /** Blocks stored since ClickHouse last had no memory for one. */
  storedSinceSplit: number;
  /** The ledger's position as far as it is known here; `null` = it was not assigned yet. */
  storedTo: number | null;
  /** Why nothing more may be stored, though it was assigned; `null` = nothing is wrong. */
  fault: string | null;
  /** Since when the org of an event is missing, epoch milliseconds; `null` = none is. */
  waitingSince: number | null;
}

/** `null` = there is none, for it was not needed yet (`isRead` false) or the ids are too many. */
export interface LaneIdFilter {
  readonly isRead: boolean;
  readonly ids: IdFilter | null;
}

export const UNREAD: LaneIdFilter = { isRead: false, ids: null };

/** Adds the ids of a range that is stored; a filter that is full is read anew when it is next needed. */
export function extendFilter(filter: LaneIdFilter, ids: readonly Uint8Array[]): LaneIdFilter {
  if (filter.ids === null) {
    return filter;
  }
  for (const id of ids) {
    filter.ids.add(id);
  }
  return filter.ids.size > filter.ids.capacity ? UNREAD : filter;
}

export function newLane(kafkaPartition: number): Lane {
  return {
    stream: 0,
    partition: emptyWindow(kafkaPartition),
    idFilter: UNREAD,
    pending: null,
    recordsMax: Number.POSITIVE_INFINITY,
    storedSinceSplit: 0,
    storedTo: null,
    fault: null,
    waitingSince: null,
  };
}
