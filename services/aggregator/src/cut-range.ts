import type { FetchedBatch } from '@meterstone/kafka';

/**
 * The part of a fetched range that begins at an offset in it and holds at most so many records. Parts that follow one
 * another tile the range: each ends where the next record begins, the last one where the range ends.
 */
export function cutRange(
  fetched: FetchedBatch,
  { from, recordsMax }: { readonly from: number; readonly recordsMax: number },
): FetchedBatch {
  if (from === fetched.firstOffset && fetched.records.length <= recordsMax) {
    return fetched;
  }
  const begin = fetched.records.indexFrom(from);
  const end = begin + recordsMax;
  return {
    ...fetched,
    firstOffset: from,
    nextOffset: fetched.records.offsetAt(end) ?? fetched.nextOffset,
    records: fetched.records.slice(begin, end),
  };
}
