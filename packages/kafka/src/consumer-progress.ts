import type { FetchBatch } from './kafkajs-internals.ts';

export interface PartitionProgress {
  readonly kafkaPartition: number;
  /** The next offset to be handled; `null` until the first fetch since the assignment. */
  readonly nextOffset: number | null;
  /** Offsets between the next one and the log's end as last fetched (gaps count); `null` until the first fetch. */
  readonly lag: number | null;
  /** When the position last rose or nothing was left to do, epoch milliseconds; at first, the assignment. */
  readonly movedAtMs: number;
  /** Why nothing more is read of it, although it is assigned; `null` = it is read. */
  readonly stopped: 'offset_out_of_range' | null;
}

export interface ConsumerProgress {
  /** `joining`: no assignment yet, or none since the group was last lost. */
  readonly state: 'joining' | 'running' | 'closed';
  /** When the broker last answered a fetch, empty or not; `null` = never. Stands still while a batch is handled. */
  readonly fetchedAtMs: number | null;
  /** The Kafka partitions of the present assignment. */
  readonly kafkaPartitions: readonly PartitionProgress[];
}

/** Keeps the progress of one consumer. */
export class ProgressBook {
  readonly #now: () => number;
  readonly #entries = new Map<number, { -readonly [K in keyof PartitionProgress]: PartitionProgress[K] }>();
  #state: ConsumerProgress['state'] = 'joining';
  #fetchedAtMs: number | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  enter(state: ConsumerProgress['state']): void {
    this.#state = state;
  }

  /** Forgets what is no longer assigned; a Kafka partition that stays keeps its figures. */
  assign(kafkaPartitions: readonly number[]): void {
    for (const kafkaPartition of this.#entries.keys()) {
      if (!kafkaPartitions.includes(kafkaPartition)) {
        this.#entries.delete(kafkaPartition);
      }
    }
    for (const kafkaPartition of kafkaPartitions) {
      if (!this.#entries.has(kafkaPartition)) {
        const fresh = { kafkaPartition, nextOffset: null, lag: null, movedAtMs: this.#now(), stopped: null };
        this.#entries.set(kafkaPartition, fresh);
      }
    }
    this.#state = 'running';
  }

  fetched(batches: readonly FetchBatch[]): void {
    this.#fetchedAtMs = this.#now();
    for (const { partition, fetchedOffset, highWatermark } of batches) {
      const entry = this.#entries.get(partition);
      if (entry !== undefined) {
        entry.nextOffset = Number(fetchedOffset);
        entry.lag = Math.max(0, Number(highWatermark) - entry.nextOffset);
        entry.movedAtMs = entry.lag === 0 ? this.#now() : entry.movedAtMs;
      }
    }
  }

  moved(kafkaPartition: number, nextOffset: number): void {
    const entry = this.#entries.get(kafkaPartition);
    if (entry === undefined) {
      return;
    }
    const logEnd = (entry.nextOffset ?? 0) + (entry.lag ?? 0);
    entry.nextOffset = nextOffset;
    entry.lag = Math.max(0, logEnd - nextOffset);
    entry.movedAtMs = this.#now();
  }

  stop(kafkaPartition: number, reason: NonNullable<PartitionProgress['stopped']>): void {
    const entry = this.#entries.get(kafkaPartition);
    if (entry !== undefined) {
      entry.stopped = reason;
    }
  }

  read(): ConsumerProgress {
    return {
      state: this.#state,
      fetchedAtMs: this.#fetchedAtMs,
      kafkaPartitions: [...this.#entries.values()].map((entry) => ({ ...entry })),
    };
  }
}
