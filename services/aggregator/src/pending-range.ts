import {
  blockChecksum,
  type EventKey,
  type OlderRows,
  type RawBlock,
  rawBlockRowCount,
  type StoredEvents,
} from '@meterstone/store';
import { blockToken, ROW_LAYOUT } from './block-token.ts';
import { AggregatorError } from './errors.ts';
import type { IdFilter } from './id-filter.ts';
import type { Lane } from './lane.ts';
import { createOlderEvents, identityOf, type OlderEvents, type OlderEventsOptions } from './older-events.ts';
import { edgeOf } from './partition-window.ts';
import type { PendingBatch } from './pending-batch.ts';
import { type BatchGround, type RatingTools, rateBatch } from './rate-batch.ts';
import type { RatedBatch, RecordRange } from './rated-batch.ts';

/** Where ids are looked up that memory cannot decide. Both reject with `StoreError`, and can be repeated. */
export interface OlderSources {
  readonly findStored: (keys: readonly EventKey[], older: OlderRows) => Promise<StoredEvents>;
  /** The filter of all ids that have no time in them; `null` = they are too many for one. */
  readonly readIdFilter: (older: OlderRows) => Promise<IdFilter | null>;
  /** Told how many ids are looked up, before each look-up. */
  readonly onLookUp: (ids: number) => void;
  /** Told how many events of a range were made by a clock that is ahead: see `CLOCK_SKEW_MS_MAX`. */
  readonly onClocksAhead: (events: number) => void;
}

export interface PendingTools {
  readonly rating: RatingTools;
  readonly sources: OlderSources;
  /** A block that nothing needs any more, for its memory. */
  readonly spent?: RawBlock;
}

/** From so many ids of a range on, it is worth reading all that there are: an index cannot tell so many apart. */
export const IDS_WORTH_A_FILTER = 500;

/** Rates a range and says what is about to be stored. Throws AggregatorError `unknown_org`; the range can wait then. */
export async function openPending(
  lane: Lane,
  range: RecordRange,
  tools: PendingTools,
): Promise<PendingBatch> {
  const { batch, direct } = await rateRange(lane, range, tools);
  lane.waitingSince = null;
  const { stream, firstOffset, nextOffset } = range;
  const intent = {
    stream,
    firstOffset,
    nextOffset,
    token: blockToken(range),
    epoch: tools.rating.terms.epoch,
    rowLayout: ROW_LAYOUT,
    rows: rawBlockRowCount(batch.block),
    checksum: blockChecksum(batch.block),
  };
  return {
    range,
    batch,
    intent,
    directIds: direct,
    done: 'nothing',
    isUncertain: false,
    differentSince: null,
    memoryRefusals: 0,
  };
}

/** Once without asking; where that does not decide all, with a filter of what there is, and with answers. */
async function rateRange(
  lane: Lane,
  range: RecordRange,
  { rating: tools, sources, ...more }: PendingTools,
): Promise<{ batch: RatedBatch; direct: OlderEvents['direct'] }> {
  const { stream, kafkaPartition, firstOffset: before } = range;
  const olderRows = { stream, kafkaPartition, before };
  let lookedUp: OlderEventsOptions['lookedUp'] = null;
  let { spent } = more;
  for (;;) {
    const older = createOlderEvents({
      edge: edgeOf(lane.partition),
      // Numbers of streams are given in order, from 1.
      hasPredecessors: stream > 1,
      directIds: lane.idFilter.ids,
      lookedUp,
    });
    const { window } = lane.partition;
    const batch = rate(range, { tools, window, older, ...(spent === undefined ? {} : { spent }) });
    spent = batch.block;
    const { undecided } = older;
    if (undecided.length === 0) {
      if (older.clocksAhead > 0) {
        sources.onClocksAhead(older.clocksAhead);
      }
      return { batch, direct: older.direct };
    }
    if (!lane.idFilter.isRead && lookedUp === null && older.direct.length >= IDS_WORTH_A_FILTER) {
      lane.idFilter = { isRead: true, ids: await sources.readIdFilter(olderRows) };
      continue;
    }
    if (lookedUp !== null) {
      throw new Error(`offsets from ${before} on are undecided after a look-up`);
    }
    sources.onLookUp(undecided.length);
    const found = await sources.findStored(undecided, olderRows);
    lookedUp = { keys: new Set(undecided.map(identityOf)), found };
  }
}

function rate(range: RecordRange, ground: BatchGround): RatedBatch {
  const outcome = rateBatch(range, ground);
  if (outcome.kind === 'rated') {
    return outcome.batch;
  }
  const { orgId, kafkaOffset } = outcome;
  throw new AggregatorError(
    'unknown_org',
    `offset ${kafkaOffset} is of org ${orgId}, which is not configured`,
  );
}
