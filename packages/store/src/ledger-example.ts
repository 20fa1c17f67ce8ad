import { TOKEN_BUCKETS } from '@meterstone/metering';
import type { LedgerRange, RangeSums } from './ledger-range.ts';

/** For tests: the ledger row of a range of one row; a test gives what matters to it. */
export function exampleRange(facts: Partial<LedgerRange> = {}): LedgerRange {
  return {
    stream: 1,
    kafkaPartition: 0,
    firstOffset: 0,
    nextOffset: 1,
    token: 'us1-p0-0-1',
    epoch: 'epoch-1',
    rowLayout: 1,
    checksum: 'a1b2c3d4',
    lastRecord: { offset: 0, checksum: 'd4c3b2a1' },
    records: 1,
    stored: 1,
    duplicates: 0,
    deadLetters: 0,
    ingestedAtMax: Date.UTC(2026, 0, 1),
    sums: exampleSums(),
    ...facts,
  };
}

/** All sums 0 but those given. */
export function exampleSums(
  facts: { tokens?: Partial<RangeSums['tokens']>; amounts?: Partial<RangeSums['amounts']> } = {},
): RangeSums {
  const noTokens = Object.fromEntries(TOKEN_BUCKETS.map((bucket) => [bucket, 0n]));
  return {
    // One entry for each bucket of the list.
    tokens: { ...(noTokens as RangeSums['tokens']), ...facts.tokens },
    amounts: { marketCost: 0n, totalCost: 0n, surchargeCost: 0n, charge: 0n, ...facts.amounts },
  };
}
