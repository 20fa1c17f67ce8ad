import { TOKEN_BUCKETS } from '@meterstone/metering';
import type { LedgerRange, RangeSums } from '@meterstone/store';

/** Epoch of a range of which nothing was rated. */
const NO_EPOCH = '';

/** The ledger's row of offsets that are given up: a range without records, so that ranges still tile. */
export function lostRange(
  range: Pick<LedgerRange, 'stream' | 'kafkaPartition' | 'firstOffset' | 'nextOffset'>,
): LedgerRange {
  const { stream, kafkaPartition, firstOffset, nextOffset } = range;
  return {
    ...range,
    token: `lost-${stream}-${kafkaPartition}-${firstOffset}-${nextOffset}`,
    epoch: NO_EPOCH,
    rowLayout: 0,
    checksum: '',
    lastRecord: null,
    records: 0,
    stored: 0,
    duplicates: 0,
    deadLetters: 0,
    ingestedAtMax: null,
    sums: NO_SUMS,
  };
}

const NO_SUMS: RangeSums = {
  // Every bucket is in the list that the entries are made from.
  tokens: Object.fromEntries(TOKEN_BUCKETS.map((bucket) => [bucket, 0n])) as RangeSums['tokens'],
  amounts: { marketCost: 0n, totalCost: 0n, surchargeCost: 0n, charge: 0n },
};
