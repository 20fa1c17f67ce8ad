import { type LedgerRange, recordChecksum } from '@meterstone/store';
import type { PendingBatch } from './pending-batch.ts';

/** The ledger's row of a range that is stored. */
export function toLedgerRange({ range, batch, intent }: PendingBatch): LedgerRange {
  const { stream, kafkaPartition, firstOffset, nextOffset, records } = range;
  const last = records.at(-1);
  return {
    stream,
    kafkaPartition,
    firstOffset,
    nextOffset,
    token: intent.token,
    epoch: intent.epoch,
    rowLayout: intent.rowLayout,
    checksum: intent.checksum,
    lastRecord: last === undefined ? null : { offset: last.offset, checksum: recordChecksum(last.value) },
    ...batch.counts,
    ingestedAtMax: batch.facts.ingestedAtMax,
    sums: batch.facts.sums(),
  };
}
