import type { RecordList } from './record-list.ts';

/** A contiguous range `[firstOffset, nextOffset)` of one Kafka partition; offsets inside it may have gaps. */
export interface FetchedBatch {
  readonly topic: string;
  readonly kafkaPartition: number;
  /** Of the first record. */
  readonly firstOffset: number;
  /** Where the next batch starts at the earliest: what is committed once this one is done. */
  readonly nextOffset: number;
  /** At least one. */
  readonly records: RecordList;
}
