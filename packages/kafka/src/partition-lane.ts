import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '@meterstone/runtime';
import { batchSlices } from './batch-slices.ts';
import { KafkaError } from './errors.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { PartitionFetch } from './partition-fetch.ts';
import type { Permits } from './permits.ts';
import { RecordList } from './record-list.ts';

/** A range is taken once it has so many records, or its first one has waited so long. */
export interface RangeGrowth {
  readonly records: number;
  /** Milliseconds. */
  readonly ageMs: number;
}

/** What a lane does with its Kafka partition, and whom it tells. */
export interface LaneOptions {
  readonly recordsMax: number;
  /** When the next range is large enough to be taken; a full queue always is. */
  readonly growth: () => RangeGrowth;
  /** Shared with the other lanes: how many ranges are handled at the same time. */
  readonly permits: Permits;
  /** No range and no further attempt is begun after it aborts. */
  readonly ending: AbortSignal;
  readonly random: () => number;
  /** Finds the position to start at; `null` = the committed one, or the log's start. */
  readonly begin: () => Promise<number | null>;
  readonly handle: (range: FetchedBatch) => Promise<void>;
  readonly commit: (nextOffset: number) => Promise<void>;
  /** Fetching may start, at the position, or where it starts by itself. */
  readonly onBegun: (position: number | null) => void;
  readonly onMoved: (nextOffset: number) => void;
  /** Nothing more is done here; the reason is a clause for a person. */
  readonly onStopped: (reason: string) => void;
  readonly onRetry: (failure: LaneFailure) => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

export interface LaneFailure {
  readonly step: 'begin' | 'handle' | 'commit';
  readonly error: unknown;
  /** Attempts so far, from 1. */
  readonly attempt: number;
  readonly waitMs: number;
}

/**
 * A lane asks for no more while this much waits in it, or a whole range does; one fetch may go beyond it. Counted are the
 * inflated batches that the records keep in memory, so that a consumer holds about this for each of its Kafka partitions
 * and each range in hand.
 */
export const QUEUED_BYTES_MAX = 64 * 1_048_576;

const RETRY = { delayMs: 200, delayMsMax: 10_000 };

interface Waiting {
  readonly range: FetchedBatch;
  readonly bytes: number;
  /** By `performance.now()`. */
  readonly arrivedAt: number;
}

/**
 * One Kafka partition during one membership: what was fetched of it waits here in a bounded queue and is handled range
 * by range. A lane that waits holds up no other, and its queue lets the next fetch overlap with the work. What came until
 * its turn becomes one range, up to `recordsMax`.
 */
export class PartitionLane {
  readonly #options: LaneOptions;
  readonly #queue: Waiting[] = [];
  #queuedRecords = 0;
  #queuedBytes = 0;
  /** The range that is handled, or whose commit is not acknowledged. */
  #inHand: FetchedBatch | null = null;
  #hasBegun = false;
  #isPaused = false;
  #isStopped = false;
  /** Why it stops when nothing waits any more; `null` = it does not. */
  #endReason: string | null = null;
  /** Where the next range starts; `null` until the first fetch of a lane that began at no position of its own. */
  #tiledTo: number | null = null;
  /** Up to where offsets are accounted for: behind `#tiledTo` where nothing but left-out records was fetched. */
  #provenTo: number | null = null;
  #wake: () => void = () => undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    options.ending.addEventListener('abort', () => this.#wake());
  }

  /** Nothing is queued and nothing is handled: where the next fetch starts is the lane's position. */
  get isIdle(): boolean {
    return this.#hasBegun && this.#inHand === null && this.#queue.length === 0;
  }

  /** Takes what was fetched; stops where it does not follow what came before. */
  offer(fetch: PartitionFetch): void {
    if (!this.#follows(fetch)) {
      return;
    }
    const bytesEach = fetch.bytes / fetch.records.length;
    const { recordsMax } = this.#options;
    const arrivedAt = performance.now();
    for (const range of batchSlices(fetch, { recordsMax, start: this.#tiledTo ?? 0 })) {
      const bytes = range.records.length * bytesEach;
      this.#queue.push({ range, bytes, arrivedAt });
      this.#queuedRecords += range.records.length;
      this.#queuedBytes += bytes;
      this.#tiledTo = range.nextOffset;
    }
    this.#provenTo = this.#tiledTo;
    this.#throttle();
    this.#wake();
  }

  /** Takes note of fetched offsets that hold no record for us: control records, aborted or compacted ones. */
  skip(fetch: PartitionFetch): void {
    if (this.#follows(fetch)) {
      this.#provenTo = Math.max(this.#provenTo ?? 0, fetch.nextOffset);
    }
  }

  /** What comes next cannot be read: stops once all that waits is handled. */
  stopBehind(reason: string): void {
    if (!this.#isStopped && this.#endReason === null) {
      this.#endReason = reason;
      this.#options.pause();
      this.#wake();
    }
  }

  /** Drops what waits, and does nothing more; the reason is a clause for a person. */
  stop(reason: string): void {
    this.#isStopped = true;
    this.#queue.length = 0;
    this.#options.onStopped(reason);
    this.#wake();
  }

  /** Works until the membership ends or the lane stops; never rejects. */
  async run(): Promise<void> {
    const { begin, onBegun, ending } = this.#options;
    try {
      const position = await this.#persist('begin', begin);
      if (!ending.aborted) {
        this.#tiledTo = position;
        this.#provenTo = position;
        this.#hasBegun = true;
        onBegun(position);
        await this.#work();
      }
    } catch (error) {
      // Any other error is one that the end of the membership left behind, and was told of when it happened.
      if (error instanceof KafkaError && error.code === 'partition_stopped') {
        this.stop(error.message);
      }
    }
  }

  async #work(): Promise<void> {
    const { permits, commit, onMoved, ending } = this.#options;
    while (!ending.aborted && !this.#isStopped) {
      if (this.#queue.length === 0 && this.#endReason !== null) {
        this.stop(this.#endReason);
        return;
      }
      if (this.#queue.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      await this.#gather();
      const range = await this.#persist('handle', () => permits.run(() => this.#handleNext()));
      if (range !== null) {
        await this.#persist('commit', () => commit(range.nextOffset));
        this.#inHand = null;
        onMoved(range.nextOffset);
      }
    }
  }

  /** Lets more records come behind the first one, while they are few and young. */
  async #gather(): Promise<void> {
    const { growth, ending } = this.#options;
    while (!ending.aborted && !this.#isStopped && !this.#isPaused && this.#endReason === null) {
      const { records, ageMs } = growth();
      const waitMs = (this.#queue[0]?.arrivedAt ?? 0) + ageMs - performance.now();
      if (waitMs <= 0 || this.#queuedRecords >= records) {
        return;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Takes the range once its turn has come, and the same one at each attempt; `null` = the lane has ended meanwhile. */
  async #handleNext(): Promise<FetchedBatch | null> {
    const { handle, ending } = this.#options;
    if (this.#inHand === null && !ending.aborted) {
      this.#inHand = this.#take();
    }
    if (this.#inHand !== null) {
      await handle(this.#inHand);
    }
    return this.#inHand;
  }

  /** The next range: all that is queued, up to the bound; `null` = nothing is. */
  #take(): FetchedBatch | null {
    const { recordsMax } = this.#options;
    let records = 0;
    const count = this.#queue.findIndex(({ range }) => {
      records += range.records.length;
      return records > recordsMax;
    });
    const taken = this.#queue.splice(0, count < 0 ? this.#queue.length : count);
    const [first, last] = [taken[0], taken.at(-1)];
    if (first === undefined || last === undefined) {
      return null;
    }
    for (const { range, bytes } of taken) {
      this.#queuedRecords -= range.records.length;
      this.#queuedBytes -= bytes;
    }
    this.#throttle();
    if (first === last) {
      return first.range;
    }
    return {
      ...first.range,
      nextOffset: last.range.nextOffset,
      records: RecordList.join(taken.map(({ range }) => range.records)),
    };
  }

  /** A whole range waits: the next one is then as large as an insert may be, and nothing beyond it is held. */
  #throttle(): void {
    const { recordsMax, pause, resume } = this.#options;
    const isFull = this.#queuedRecords >= recordsMax || this.#queuedBytes >= QUEUED_BYTES_MAX;
    if (isFull !== this.#isPaused && !this.#isStopped && this.#endReason === null) {
      this.#isPaused = isFull;
      (isFull ? pause : resume)();
    }
  }

  /** Offsets have gaps, but what was asked for tells a gap from a hole. */
  #follows({ position }: PartitionFetch): boolean {
    this.#tiledTo ??= position;
    this.#provenTo ??= position;
    if (!this.#isStopped && (position < this.#tiledTo || position > this.#provenTo)) {
      this.stop(`offset ${position} was fetched where ${this.#provenTo} was expected`);
    }
    return !this.#isStopped;
  }

  /** Tries until it succeeds, the lane has to stop, or the membership ends; at least once. */
  async #persist<T>(step: LaneFailure['step'], operation: () => Promise<T>): Promise<T> {
    const { ending, random, onRetry } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await operation();
      } catch (error) {
        if (ending.aborted || (error instanceof KafkaError && error.code === 'partition_stopped')) {
          throw error;
        }
        const waitMs = backOffMs(attempt, { ...RETRY, random });
        onRetry({ step, error, attempt, waitMs });
        await sleep(waitMs, undefined, { signal: ending });
      }
    }
  }
}
