import type { FetchedBatch, Membership } from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import type { RawBlock, UserKeyer } from '@meterstone/store';
import { carryOut } from './carry-out.ts';
import { type Counters, countBatch, countFailure } from './counters.ts';
import { cutRange } from './cut-range.ts';
import { AggregatorError } from './errors.ts';
import { type BatchWriters, flush } from './flush.ts';
import type { Intent } from './intent.ts';
import { extendFilter, type Lane, newLane, UNREAD } from './lane.ts';
import { emptyWindow, extendWindow, fillWindow } from './partition-window.ts';
import type { PendingBatch } from './pending-batch.ts';
import { type OlderSources, openPending } from './pending-range.ts';
import type { Troubles } from './progress.ts';
import { createToolbox, type Toolbox } from './rating-toolbox.ts';
import { stopped } from './stops.ts';
import { type AssignmentFacts, type TakeOverSources, takeOver } from './take-over.ts';

export interface PartitionLoopOptions extends TakeOverSources {
  readonly older: OlderSources;
  readonly topic: string;
  /** Asked once for each assignment. */
  readonly readFacts: () => Promise<AssignmentFacts>;
  /** The terms in force; asked once for each range, so that a block is of one epoch. */
  readonly terms: () => RatingTerms;
  /** The terms of an epoch as they were; rejects with `bundle_missing` or `bundle_damaged`. */
  readonly loadTerms: (epoch: string) => Promise<RatingTerms>;
  readonly writers: BatchWriters;
  readonly userKeyOf: UserKeyer;
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
  /** Up to where each Kafka partition in hand is stored. */
  storedTo(): readonly StoredPosition[];
  /** Nothing more of a Kafka partition is stored until its next assignment. */
  refuse(kafkaPartition: number, cause: string): void;
}

/** The ledger's position of a Kafka partition, as its owner knows it. */
export interface StoredPosition {
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly nextOffset: number;
}

/** How long an org may be missing from the configuration before the wait counts as a stop: time for a new file. */
export const ORG_WAIT_MS_MAX = 300_000;

/** A block that ClickHouse has no memory for is sent once more; then its range is stored in parts. */
const REFUSALS_BEFORE_SPLIT = 2;
/** After so many parts in a row, they are twice as long. */
const PARTS_BEFORE_LARGER = 16;

/** Carries ranges from the window through rating and intent to the ledger; the commit is the consumer's. */
export function createPartitionLoop(options: PartitionLoopOptions): PartitionLoop {
  return new Loop(options);
}

class Loop implements PartitionLoop {
  readonly #options: PartitionLoopOptions;
  readonly #toolbox: Toolbox;
  readonly #lanes = new Map<number, Lane>();
  /** A stored block, whose memory the next one takes: fresh memory costs as much as filling it. */
  #spent: RawBlock | null = null;
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
      if (lane.partition.filledTo !== position) {
        // Another has stored rows meanwhile, whose ids are not in it.
        lane.idFilter = UNREAD;
      }
      await this.#fill(lane, position);
      lane.storedTo = position;
      lane.fault = null;
      if (intent === null) {
        lane.pending = null;
        return position;
      }
      lane.pending = await this.#carryOut(lane, intent, membership);
      if (!(await this.#store(lane, lane.pending, membership))) {
        // Nothing of it is stored, so its range may be fetched and stored in parts.
        return position;
      }
      this.#options.counters.intentsCarriedOut += 1;
      await membership.note({ nextOffset: intent.nextOffset, metadata: null });
      return intent.nextOffset;
    });
  }

  onBatch(fetched: FetchedBatch, membership: Membership): Promise<void> {
    return this.#watched(membership, async (lane) => {
      let position = positionIn(lane, fetched);
      while (position < fetched.nextOffset) {
        const pending = lane.pending ?? (await this.#open(lane, fetched, position));
        lane.pending = pending;
        if (await this.#store(lane, pending, membership)) {
          position = pending.range.nextOffset;
        }
      }
    });
  }

  storedTo(): StoredPosition[] {
    return [...this.#lanes].flatMap(([kafkaPartition, { stream, storedTo }]) =>
      storedTo === null ? [] : [{ stream, kafkaPartition, nextOffset: storedTo }],
    );
  }

  refuse(kafkaPartition: number, cause: string): void {
    const lane = this.#lanes.get(kafkaPartition);
    if (lane !== undefined) {
      lane.fault = cause;
      this.#options.troubles.set(kafkaPartition, `stopped, ${cause}`);
    }
  }

  /** What a failed attempt has built is not built again. */
  async #carryOut(lane: Lane, intent: Intent, membership: Membership): Promise<PendingBatch> {
    const { pending } = lane;
    if (pending?.intent.token === intent.token && pending.intent.checksum === intent.checksum) {
      return Object.assign(pending, { done: 'intent', isUncertain: true } as const);
    }
    return carryOut({ intent, membership, lane }, { ...this.#options, toolbox: this.#toolbox });
  }

  async #open(lane: Lane, fetched: FetchedBatch, from: number): Promise<PendingBatch> {
    await this.#fill(lane, from);
    const range = { stream: lane.stream, ...cutRange(fetched, { from, recordsMax: lane.recordsMax }) };
    // Other terms may be in force by the next attempt, but what was noted in an intent is stored only as it was.
    const tools = { rating: this.#toolbox.current(), sources: this.#options.older };
    const spent = this.#spent;
    this.#spent = null;
    return openPending(lane, range, spent === null ? tools : { ...tools, spent });
  }

  /** True = it is stored; false = it is not, nothing of it is, and the range is to be stored in smaller parts. */
  async #store(lane: Lane, pending: PendingBatch, membership: Membership): Promise<boolean> {
    const { writers, counters, now } = this.#options;
    if (lane.fault !== null) {
      throw stopped(lane.fault);
    }
    const isFirstAttempt = pending.done === 'nothing';
    try {
      await flush(pending, writers, membership);
    } catch (error) {
      if (!(await this.#isToSplit(pending))) {
        throw error;
      }
      lane.pending = null;
      lane.recordsMax = Math.ceil(pending.range.records.length / 2);
      lane.storedSinceSplit = 0;
      counters.splits += 1;
      return false;
    }
    extendWindow(lane.partition, pending.batch.seen, pending.range);
    lane.idFilter = extendFilter(lane.idFilter, pending.directIds);
    // An insert that was given up may still be read from memory.
    this.#spent = isFirstAttempt ? pending.batch.block : this.#spent;
    lane.pending = null;
    lane.storedTo = pending.range.nextOffset;
    lane.storedSinceSplit += 1;
    if (lane.storedSinceSplit % PARTS_BEFORE_LARGER === 0) {
      lane.recordsMax *= 2;
    }
    countBatch(counters, pending, now());
    return true;
  }

  /** Only where nothing of the block is stored: under other bounds it would have another token. */
  async #isToSplit(pending: PendingBatch): Promise<boolean> {
    return (
      pending.memoryRefusals >= REFUSALS_BEFORE_SPLIT &&
      pending.done === 'users' &&
      pending.range.records.length > 1 &&
      (await this.#options.writers.isAbsent(pending))
    );
  }

  /** Read again from further back: a window that holds the range itself would call every record its own duplicate. */
  async #fill(lane: Lane, firstOffset: number): Promise<void> {
    if (lane.partition.filledTo > firstOffset) {
      lane.partition = emptyWindow(lane.partition.kafkaPartition);
    }
    await fillWindow(lane.partition, firstOffset, this.#options.readRecords);
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

/** Where the rest of a fetched range begins: parts of it may be stored by an earlier attempt. */
function positionIn(lane: Lane, { firstOffset, nextOffset }: FetchedBatch): number {
  const { filledTo } = lane.partition;
  const position = filledTo > firstOffset && filledTo < nextOffset ? filledTo : firstOffset;
  if (lane.pending !== null && lane.pending.range.firstOffset !== position) {
    lane.pending = null;
  }
  return position;
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
