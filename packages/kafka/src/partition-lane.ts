import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '@meterstone/runtime';
import { batchSlices } from './batch-slices.ts';
import { KafkaError } from './errors.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { FetchBatch } from './kafkajs-internals.ts';
import type { Permits } from './permits.ts';

/** What a lane does with its Kafka partition, and whom it tells. */
export interface LaneOptions {
  readonly recordsMax: number;
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

const RETRY = { delayMs: 200, delayMsMax: 10_000 };

/**
 * One Kafka partition during one membership: what was fetched of it waits here in a bounded queue and is handled range
 * by range. A lane that waits holds up no other, and its queue lets the next fetch overlap with the work. Ranges that
 * came while another was handled become one, up to `recordsMax`.
 */
export class PartitionLane {
  readonly #options: LaneOptions;
  readonly #queue: FetchedBatch[] = [];
  #queuedRecords = 0;
  #isPaused = false;
  #isBusy = true;
  #isStopped = false;
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
    return !this.#isBusy && this.#queue.length === 0;
  }

  /** Takes what was fetched; stops where it does not follow what came before. */
  offer(batch: FetchBatch): void {
    if (!this.#follows(batch)) {
      return;
    }
    for (const slice of batchSlices(batch, {
      recordsMax: this.#options.recordsMax,
      start: this.#tiledTo ?? 0,
    })) {
      this.#queue.push(slice);
      this.#queuedRecords += slice.records.length;
      this.#tiledTo = slice.nextOffset;
    }
    this.#provenTo = this.#tiledTo;
    this.#throttle();
    this.#wake();
  }

  /** Takes note of fetched offsets that hold no record for us: control records, aborted or compacted ones. */
  skip(batch: FetchBatch): void {
    if (this.#follows(batch)) {
      this.#provenTo = Math.max(this.#provenTo ?? 0, Number(batch.lastOffset()) + 1);
    }
  }

  /** Works until the membership ends or the lane stops; never rejects. */
  async run(): Promise<void> {
    const { begin, onBegun, ending } = this.#options;
    try {
      const position = await this.#persist('begin', begin);
      if (!ending.aborted) {
        this.#tiledTo = position;
        this.#provenTo = position;
        this.#isBusy = false;
        onBegun(position);
        await this.#work();
      }
    } catch (error) {
      // Any other error is one that the end of the membership left behind, and was told of when it happened.
      if (error instanceof KafkaError && error.code === 'partition_stopped') {
        this.#stop(error.message);
      }
    }
  }

  async #work(): Promise<void> {
    const { permits, handle, commit, onMoved, ending } = this.#options;
    while (!ending.aborted && !this.#isStopped) {
      const range = this.#take();
      if (range === null) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#isBusy = true;
      await this.#persist('handle', () => permits.run(() => handle(range)));
      await this.#persist('commit', () => commit(range.nextOffset));
      this.#isBusy = false;
      onMoved(range.nextOffset);
    }
  }

  /** The next range: all that is queued, up to the bound; `null` = nothing is. */
  #take(): FetchedBatch | null {
    let range = this.#queue.shift() ?? null;
    for (let next = this.#queue[0]; range !== null && next !== undefined; next = this.#queue[0]) {
      if (range.records.length + next.records.length > this.#options.recordsMax) {
        break;
      }
      this.#queue.shift();
      range = { ...range, nextOffset: next.nextOffset, records: [...range.records, ...next.records] };
    }
    this.#queuedRecords -= range?.records.length ?? 0;
    this.#throttle();
    return range;
  }

  /** Half a range is queued: enough for the next one to be worth its insert, without holding much. */
  #throttle(): void {
    const { recordsMax, pause, resume } = this.#options;
    const isFull = this.#queuedRecords * 2 >= recordsMax;
    if (isFull !== this.#isPaused && !this.#isStopped) {
      this.#isPaused = isFull;
      (isFull ? pause : resume)();
    }
  }

  /** Offsets have gaps, but what was asked for tells a gap from a hole. */
  #follows({ fetchedOffset }: FetchBatch): boolean {
    const position = Number(fetchedOffset);
    this.#tiledTo ??= position;
    this.#provenTo ??= position;
    if (!this.#isStopped && (position < this.#tiledTo || position > this.#provenTo)) {
      this.#stop(`offset ${position} was fetched where ${this.#provenTo} was expected`);
    }
    return !this.#isStopped;
  }

  #stop(reason: string): void {
    this.#isStopped = true;
    this.#queue.length = 0;
    this.#options.onStopped(reason);
    this.#wake();
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
