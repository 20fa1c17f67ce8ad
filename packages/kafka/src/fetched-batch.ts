import type { KafkaMessage } from 'kafkajs';

/** One record as it stands on Kafka. The buffers are views into what was fetched: copy what outlives the batch. */
export interface FetchedRecord {
  readonly offset: number;
  /** Epoch milliseconds: the broker's clock on the topics of this product. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** A contiguous range `[firstOffset, nextOffset)` of one Kafka partition; offsets inside it may have gaps. */
export interface FetchedBatch {
  readonly topic: string;
  readonly kafkaPartition: number;
  /** Of the first record. */
  readonly firstOffset: number;
  /** Where the next batch starts at the earliest: what is committed once this one is done. */
  readonly nextOffset: number;
  /** At least one, by rising offset. */
  readonly records: readonly FetchedRecord[];
}

/** Offsets are safe integers: 2^53 records of one Kafka partition are out of reach. */
export function toFetchedRecord({ offset, timestamp, key, value }: KafkaMessage): FetchedRecord {
  return { offset: Number(offset), timestampMs: Number(timestamp), key, value };
}
