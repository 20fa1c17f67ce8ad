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
  const begin = fetched.records.findIndex(({ offset }) => offset >= from);
  const end = begin < 0 ? begin : begin + recordsMax;
  const following = fetched.records[end];
  return {
    ...fetched,
    firstOffset: from,
    nextOffset: begin < 0 || following === undefined ? fetched.nextOffset : following.offset,
    records: begin < 0 ? [] : fetched.records.slice(begin, end),
  };
}
