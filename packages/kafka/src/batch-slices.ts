import type { FetchedBatch } from './fetched-batch.ts';
import type { PartitionFetch } from './partition-fetch.ts';

/**
 * Cuts what was fetched of one Kafka partition into contiguous ranges of at most `recordsMax` records. The first range
 * begins at `start`, so that it follows the last one of the fetch before, and the last one ends behind everything
 * fetched, left-out control records included: ranges tile their Kafka partition whatever gaps the offsets have.
 */
export function* batchSlices(
  { topic, kafkaPartition, records, nextOffset: end }: PartitionFetch,
  { recordsMax, start }: { readonly recordsMax: number; readonly start: number },
): Generator<FetchedBatch> {
  if (records.length > 0 && records.length <= recordsMax) {
    yield { topic, kafkaPartition, firstOffset: start, nextOffset: end, records };
    return;
  }
  let firstOffset = start;
  for (let from = 0; from < records.length; from += recordsMax) {
    const nextOffset = records.offsetAt(from + recordsMax) ?? end;
    const slice = records.slice(from, from + recordsMax);
    yield { topic, kafkaPartition, firstOffset, nextOffset, records: slice };
    firstOffset = nextOffset;
  }
}
