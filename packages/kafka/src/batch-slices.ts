import { type FetchedBatch, toFetchedRecord } from './fetched-batch.ts';
import type { FetchBatch } from './kafkajs-internals.ts';

/**
 * Cuts what was fetched of one Kafka partition into contiguous ranges of at most `recordsMax` records. The last
 * range ends behind everything fetched, left-out control records included, so that they are not fetched again.
 */
export function* batchSlices(batch: FetchBatch, recordsMax: number): Generator<FetchedBatch> {
  const { messages } = batch;
  for (let start = 0; start < messages.length; start += recordsMax) {
    const records = messages.slice(start, start + recordsMax).map(toFetchedRecord);
    const following = messages[start + recordsMax];
    const lastOffset = following === undefined ? Number(batch.lastOffset()) : Number(following.offset) - 1;
    yield {
      topic: batch.topic,
      kafkaPartition: batch.partition,
      firstOffset: records[0]?.offset ?? 0,
      nextOffset: lastOffset + 1,
      records,
    };
  }
}
