import type { FetchedBatch } from '@meterstone/kafka';
import { createRater, type RatingTerms } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import type { UserKeyer } from '@meterstone/store';
import { type Counters, countBatch, countFailure } from './counters.ts';
import { AggregatorError } from './errors.ts';
import type { ContentHasher } from './event-content.ts';
import { type BatchWriters, flush, type PendingBatch } from './flush.ts';
import {
  emptyWindow,
  extendWindow,
  fillWindow,
  type PartitionWindow,
  type ReadRecords,
} from './partition-window.ts';
import type { Troubles } from './progress.ts';
import { type RatedBatch, type RatingTools, type RecordRange, rateBatch } from './rate-batch.ts';

export interface PartitionLoopOptions {
  /** Number of the topic's incarnation. */
  readonly stream: number;
  /** The terms in force; asked once for each range, so that a block is of one epoch. */
  readonly terms: () => RatingTerms;
  readonly readRecords: ReadRecords;
  readonly writers: BatchWriters;
  readonly userKeyOf: UserKeyer;
  readonly contentOf: ContentHasher;
  readonly counters: Counters;
  readonly troubles: Troubles;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The two calls that a consumer makes. */
export interface PartitionLoop {
  /** Drops what is remembered of Kafka partitions that are no longer ours. */
  onAssigned(kafkaPartitions: readonly number[]): void;
  /**
   * Stores a range; when it resolves the range's offsets may be committed. It rejects if the range is not stored, and
   * the caller repeats it, with back-off and without end: a range is stored or its Kafka partition stands still.
   * Ranges of one Kafka partition come one at a time, in order.
   */
  onBatch(batch: FetchedBatch, membership: { isCurrent(): boolean }): Promise<void>;
}

/** How long an org may be missing from the configuration before the wait counts as a stop: time for a new file. */
export const ORG_WAIT_MS_MAX = 300_000;

/**
 * Carries ranges from the window through rating to the flush; the commit is the consumer's. The intent will stand between
 * rating and flush, the ledger row and the verification of unknown outcomes between flush and commit: until then a crash
 * between insert and commit can store a range again, if it comes back with other bounds.
 */
export function createPartitionLoop(options: PartitionLoopOptions): PartitionLoop {
  const lanes = new Map<number, Lane>();
  const toolsOf = createToolbox(options);

  return {
    onAssigned(kafkaPartitions) {
      for (const kafkaPartition of lanes.keys()) {
        if (!kafkaPartitions.includes(kafkaPartition)) {
          lanes.delete(kafkaPartition);
          options.troubles.delete(kafkaPartition);
        }
      }
    },
    async onBatch(fetched, { isCurrent }) {
      const range: RecordRange = { stream: options.stream, ...fetched };
      const lane = lanes.get(range.kafkaPartition) ?? newLane(range.kafkaPartition);
      lanes.set(range.kafkaPartition, lane);
      try {
        await storeRange(lane, range, { options, toolsOf, isCurrent });
      } catch (error) {
        noteFailure(options, lane, { range, error });
        throw error;
      }
      options.troubles.delete(range.kafkaPartition);
    },
  };
}

/** What is remembered of one Kafka partition. */
interface Lane {
  partition: PartitionWindow;
  /** The last range, while it is not stored whole. */
  pending: PendingBatch | null;
  /** Since when the org of an event is missing, epoch milliseconds; `null` = none is. */
  waitingSince: number | null;
}

function newLane(kafkaPartition: number): Lane {
  return { partition: emptyWindow(kafkaPartition), pending: null, waitingSince: null };
}

interface StoreTools {
  readonly options: PartitionLoopOptions;
  readonly toolsOf: () => RatingTools;
  readonly isCurrent: () => boolean;
}

async function storeRange(lane: Lane, range: RecordRange, tools: StoreTools): Promise<void> {
  const { options, toolsOf, isCurrent } = tools;
  if (!isSameRange(lane.pending?.range, range)) {
    lane.pending = null;
    await prepareWindow(lane, range, options);
  }
  // Other terms may be in force by now, but what was sent under a token may be sent again only as it was.
  lane.pending ??= { range, batch: rateNow(lane, range, toolsOf()), done: 'nothing' };
  await flush(lane.pending, options.writers, isCurrent);
  const { batch } = lane.pending;
  extendWindow(lane.partition, batch.seen, range.nextOffset);
  lane.pending = null;
  countBatch(options.counters, batch);
}

async function prepareWindow(lane: Lane, range: RecordRange, options: PartitionLoopOptions): Promise<void> {
  // Read again from further back: a window that holds the range itself would call every record its own duplicate.
  if (lane.partition.filledTo > range.firstOffset) {
    lane.partition = emptyWindow(range.kafkaPartition);
  }
  await fillWindow(lane.partition, range.firstOffset, options);
}

function rateNow(lane: Lane, range: RecordRange, tools: RatingTools): RatedBatch {
  const outcome = rateBatch(range, lane.partition.window, tools);
  if (outcome.kind === 'unknown_org') {
    const { orgId, kafkaOffset } = outcome;
    throw new AggregatorError(
      'unknown_org',
      `offset ${kafkaOffset} is of org ${orgId}, which is not configured`,
    );
  }
  lane.waitingSince = null;
  return outcome.batch;
}

function noteFailure(
  { counters, troubles, logger, now }: PartitionLoopOptions,
  lane: Lane,
  { range, error }: { range: RecordRange; error: unknown },
): void {
  const { kafkaPartition } = range;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  countFailure(counters, code);
  if (!(error instanceof AggregatorError)) {
    troubles.set(kafkaPartition, `nothing can be stored at the moment (${code})`);
    return;
  }
  if (error.code === 'assignment_lost') {
    return;
  }
  lane.waitingSince ??= now();
  const waitedMs = now() - lane.waitingSince;
  const isStopped = waitedMs >= ORG_WAIT_MS_MAX;
  troubles.set(kafkaPartition, `${isStopped ? 'stopped' : 'waits'}, ${error.message}`);
  if (isStopped) {
    logger.fatal({ kafkaPartition, waitedMs, reason: error.message }, 'partition stopped: unknown org');
  }
}

function isSameRange(a: RecordRange | undefined, b: RecordRange): boolean {
  return a?.firstOffset === b.firstOffset && a.nextOffset === b.nextOffset;
}

/** The tools of the terms in force; made anew only when those change, so that a rater's memory lives on. */
function createToolbox({ terms, userKeyOf, contentOf }: PartitionLoopOptions): () => RatingTools {
  let tools: RatingTools | null = null;
  return () => {
    const current = terms();
    if (tools?.terms !== current) {
      tools = { terms: current, rate: createRater(current), userKeyOf, contentOf };
    }
    return tools;
  };
}
