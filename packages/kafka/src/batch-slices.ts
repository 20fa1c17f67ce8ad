import { type FetchedBatch, toFetchedRecord } from './fetched-batch.ts';
import type { FetchBatch } from './kafkajs-internals.ts';

/**
 * Cuts what was fetched of one Kafka partition into contiguous ranges of at most `recordsMax` records. The first range
 * begins at `start`, so that it follows the last one of the fetch before, and the last one ends behind everything
 * fetched, left-out control records included: ranges tile their Kafka partition whatever gaps the offsets have.
 */
export function* batchSlices(
  batch: FetchBatch,
  { recordsMax, start }: { readonly recordsMax: number; readonly start: number },
): Generator<FetchedBatch> {
  const { messages } = batch;
  let firstOffset = start;
  for (let from = 0; from < messages.length; from += recordsMax) {
    const following = messages[from + recordsMax];
    const nextOffset = following === undefined ? Number(batch.lastOffset()) + 1 : Number(following.offset);
    yield {
      topic: batch.topic,
      kafkaPartition: batch.partition,
      firstOffset,
      nextOffset,
      records: messages.slice(from, from + recordsMax).map(toFetchedRecord),
    };
    firstOffset = nextOffset;
  }
}
