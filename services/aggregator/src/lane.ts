import type { PendingBatch } from './flush.ts';
import { emptyWindow, type PartitionWindow } from './partition-window.ts';

/** What is remembered of one Kafka partition. */
export interface Lane {
  /** Number of the topic's incarnation; 0 until its first assignment. */
  stream: number;
  partition: PartitionWindow;
  /** The last range, while it is not stored whole. */
  pending: PendingBatch | null;
  /** Since when the org of an event is missing, epoch milliseconds; `null` = none is. */
  waitingSince: number | null;
}

export function newLane(kafkaPartition: number): Lane {
  return { stream: 0, partition: emptyWindow(kafkaPartition), pending: null, waitingSince: null };
}
