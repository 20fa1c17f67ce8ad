import { blockChecksum, rawBlockRowCount } from '@meterstone/store';
import { blockToken, ROW_LAYOUT } from './block-token.ts';
import { AggregatorError } from './errors.ts';
import type { PendingBatch } from './flush.ts';
import type { Lane } from './lane.ts';
import { type RatingTools, type RecordRange, rateBatch } from './rate-batch.ts';

/** Rates a range and says what is about to be stored. Throws AggregatorError `unknown_org`; the range can wait then. */
export function openPending(
  lane: Pick<Lane, 'partition' | 'waitingSince'>,
  range: RecordRange,
  tools: RatingTools,
): PendingBatch {
  const outcome = rateBatch(range, lane.partition.window, tools);
  if (outcome.kind === 'unknown_org') {
    const { orgId, kafkaOffset } = outcome;
    throw new AggregatorError(
      'unknown_org',
      `offset ${kafkaOffset} is of org ${orgId}, which is not configured`,
    );
  }
  lane.waitingSince = null;
  const { batch } = outcome;
  const { stream, firstOffset, nextOffset } = range;
  const intent = {
    stream,
    firstOffset,
    nextOffset,
    token: blockToken(range),
    epoch: tools.terms.epoch,
    rowLayout: ROW_LAYOUT,
    rows: rawBlockRowCount(batch.block),
    checksum: blockChecksum(batch.block),
  };
  return { range, batch, intent, done: 'nothing', isUncertain: false };
}
