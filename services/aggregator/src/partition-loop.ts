import type { FetchedBatch, Membership } from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import type { UserKeyer } from '@meterstone/store';
import { isSameRange } from './block-token.ts';
import { carryOut } from './carry-out.ts';
import { type Counters, countBatch, countFailure } from './counters.ts';
import { AggregatorError } from './errors.ts';
import type { ContentHasher } from './event-content.ts';
import { type BatchWriters, flush, type PendingBatch } from './flush.ts';
import { type Lane, newLane } from './lane.ts';
import { emptyWindow, extendWindow, fillWindow } from './partition-window.ts';
import { openPending } from './pending-range.ts';
import type { Troubles } from './progress.ts';
import type { RecordRange } from './rate-batch.ts';
import { createToolbox, type Toolbox } from './rating-toolbox.ts';
import { type AssignmentFacts, type TakeOverSources, takeOver } from './take-over.ts';

export interface PartitionLoopOptions extends TakeOverSources {
  readonly topic: string;
  /** Asked once for each assignment. */
  readonly readFacts: () => Promise<AssignmentFacts>;
  /** The terms in force; asked once for each range, so that a block is of one epoch. */
  readonly terms: () => RatingTerms;
  /** The terms of an epoch as they were; rejects with `bundle_missing` or `bundle_damaged`. */
  readonly loadTerms: (epoch: string) => Promise<RatingTerms>;
  readonly writers: BatchWriters;
  readonly userKeyOf: UserKeyer;
  readonly contentOf: ContentHasher;
  readonly counters: Counters;
  readonly troubles: Troubles;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The three calls that a consumer makes. */
export interface PartitionLoop {
  /** Drops what is remembered of Kafka partitions that are no longer ours. */
  onMembership(kafkaPartitions: readonly number[]): void;
  /**
   * Finds where a Kafka partition goes on, fills its window, and carries out what was begun and not finished; resolves
   * with the position of its next range. It can be repeated.
   */
  onAssigned(membership: Membership): Promise<number>;
  /**
   * Stores a range; when it resolves the range's offsets may be committed. It rejects if the range is not stored, and
   * the caller repeats it, with back-off and without end: a range is stored or its Kafka partition stands still.
   * Ranges of one Kafka partition come one at a time, in order.
   */
  onBatch(fetched: FetchedBatch, membership: Membership): Promise<void>;
}

/** How long an org may be missing from the configuration before the wait counts as a stop: time for a new file. */
export const ORG_WAIT_MS_MAX = 300_000;

/** Carries ranges from the window through rating and intent to the ledger; the commit is the consumer's. */
export function createPartitionLoop(options: PartitionLoopOptions): PartitionLoop {
  return new Loop(options);
}

class Loop implements PartitionLoop {
  readonly #options: PartitionLoopOptions;
  readonly #toolbox: Toolbox;
  readonly #lanes = new Map<number, Lane>();
  /** Of the present assignment; `null` = not asked for yet. */
  #facts: Promise<AssignmentFacts> | null = null;

  constructor(options: PartitionLoopOptions) {
    this.#options = options;
    this.#toolbox = createToolbox(options);
  }

  onMembership(kafkaPartitions: readonly number[]): void {
    this.#facts = null;
    for (const kafkaPartition of this.#lanes.keys()) {
      if (!kafkaPartitions.includes(kafkaPartition)) {
        this.#lanes.delete(kafkaPartition);
        this.#options.troubles.delete(kafkaPartition);
      }
    }
  }

  onAssigned(membership: Membership): Promise<number> {
    return this.#watched(membership, async (lane) => {
      const facts = await this.#readFacts();
      const { position, intent } = await takeOver(membership, facts, this.#options);
      if (lane.stream !== facts.stream) {
        lane.stream = facts.stream;
        lane.partition = emptyWindow(membership.kafkaPartition);
      }
      await this.#fill(lane, position);
      if (intent === null) {
        lane.pending = null;
        return position;
      }
      lane.pending = await carryOut(
        { intent, membership, lane },
        { ...this.#options, toolbox: this.#toolbox },
      );
      await this.#store(lane, lane.pending, membership);
      this.#options.counters.intentsCarriedOut += 1;
      await membership.note({ nextOffset: intent.nextOffset, metadata: null });
      return intent.nextOffset;
    });
  }

  onBatch(fetched: FetchedBatch, membership: Membership): Promise<void> {
    return this.#watched(membership, async (lane) => {
      const range: RecordRange = { stream: lane.stream, ...fetched };
      if (lane.pending === null || !isSameRange(lane.pending.range, range)) {
        lane.pending = null;
        await this.#fill(lane, range.firstOffset);
        // Other terms may be in force by the next attempt, but what was noted in an intent is stored only as it was.
        lane.pending = openPending(lane, range, this.#toolbox.current());
      }
      await this.#store(lane, lane.pending, membership);
    });
  }

  async #store(lane: Lane, pending: PendingBatch, membership: Membership): Promise<void> {
    const { writers, counters, now } = this.#options;
    await flush(pending, writers, membership);
    extendWindow(lane.partition, pending.batch.seen, pending.range.nextOffset);
    lane.pending = null;
    countBatch(counters, pending, now());
  }

  /** Read again from further back: a window that holds the range itself would call every record its own duplicate. */
  async #fill(lane: Lane, firstOffset: number): Promise<void> {
    if (lane.partition.filledTo > firstOffset) {
      lane.partition = emptyWindow(lane.partition.kafkaPartition);
    }
    await fillWindow(lane.partition, firstOffset, this.#options);
  }

  async #readFacts(): Promise<AssignmentFacts> {
    const facts = this.#facts ?? this.#options.readFacts();
    this.#facts = facts;
    try {
      return await facts;
    } catch (error) {
      if (this.#facts === facts) {
        this.#facts = null;
      }
      throw error;
    }
  }

  /** Runs a step of a Kafka partition's lane, and says what keeps it. */
  async #watched<T>({ kafkaPartition }: Membership, step: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(kafkaPartition) ?? newLane(kafkaPartition);
    this.#lanes.set(kafkaPartition, lane);
    try {
      const result = await step(lane);
      this.#options.troubles.delete(kafkaPartition);
      return result;
    } catch (error) {
      noteFailure(this.#options, lane, { kafkaPartition, error });
      throw error;
    }
  }
}

function noteFailure(
  { counters, troubles, logger, now }: PartitionLoopOptions,
  lane: Lane,
  { kafkaPartition, error }: { kafkaPartition: number; error: unknown },
): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  countFailure(counters, code);
  if (code === 'assignment_lost' || code === 'partition_stopped') {
    return;
  }
  if (!(error instanceof AggregatorError) || error.code !== 'unknown_org') {
    troubles.set(kafkaPartition, `nothing can be stored at the moment (${code})`);
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
