import type { RecordSet } from './record-set.ts';

/** What one fetch brought of one Kafka partition. */
export interface PartitionFetch extends RecordSet {
  readonly topic: string;
  readonly kafkaPartition: number;
  /** The offset that was asked for. */
  readonly position: number;
  /** The log's end by then. */
  readonly logEnd: number;
}

/** Whether it brought offsets, and no record at them: control records, aborted or compacted ones. */
export function isGap({ records, nextOffset, position }: PartitionFetch): boolean {
  return records.length === 0 && nextOffset > position;
}
