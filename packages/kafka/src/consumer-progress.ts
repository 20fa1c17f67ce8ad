import type { PartitionFetch } from './partition-fetch.ts';

export interface PartitionProgress {
  readonly kafkaPartition: number;
  /** The next offset to be handled; `null` until the first fetch since the assignment. */
  readonly nextOffset: number | null;
  /** Offsets between the next one and the log's end as last fetched (gaps count); `null` until the first fetch. */
  readonly lag: number | null;
  /** When the position last rose or nothing was left to do, epoch milliseconds; at first, the assignment. */
  readonly movedAtMs: number;
  /** Why nothing more is done with it, although it is assigned, as a clause; `null` = it goes on. */
  readonly stopped: string | null;
}

export interface ConsumerProgress {
  /** `joining`: no assignment yet, or none since the group was last lost. */
  readonly state: 'joining' | 'running' | 'closed';
  /** When the broker last answered a fetch, empty or not; `null` = never. */
  readonly fetchedAtMs: number | null;
  /** The Kafka partitions of the present assignment. */
  readonly kafkaPartitions: readonly PartitionProgress[];
}

interface Entry {
  readonly kafkaPartition: number;
  nextOffset: number | null;
  logEnd: number | null;
  movedAtMs: number;
  stopped: string | null;
}

/** Keeps the progress of one consumer. */
export class ProgressBook {
  readonly #now: () => number;
  readonly #entries = new Map<number, Entry>();
  #state: ConsumerProgress['state'] = 'joining';
  #fetchedAtMs: number | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  enter(state: ConsumerProgress['state']): void {
    this.#state = state;
  }

  /** Forgets what is no longer assigned; a Kafka partition that stays keeps its figures, and is no longer stopped. */
  assign(kafkaPartitions: readonly number[]): void {
    for (const kafkaPartition of this.#entries.keys()) {
      if (!kafkaPartitions.includes(kafkaPartition)) {
        this.#entries.delete(kafkaPartition);
      }
    }
    for (const kafkaPartition of kafkaPartitions) {
      const entry = this.#entries.get(kafkaPartition);
      if (entry === undefined) {
        const nothing = { nextOffset: null, logEnd: null, stopped: null };
        this.#entries.set(kafkaPartition, { kafkaPartition, ...nothing, movedAtMs: this.#now() });
      } else {
        entry.stopped = null;
      }
    }
    this.#state = 'running';
  }

  /** `isIdle`: nothing that was fetched of a Kafka partition waits, so that its fetch position is where it stands. */
  fetched(fetches: readonly PartitionFetch[], isIdle: (kafkaPartition: number) => boolean): void {
    this.#fetchedAtMs = this.#now();
    for (const { kafkaPartition, position, logEnd } of fetches) {
      const entry = this.#entries.get(kafkaPartition);
      if (entry === undefined) {
        continue;
      }
      entry.logEnd = logEnd;
      if (entry.nextOffset === null || isIdle(kafkaPartition)) {
        entry.nextOffset = position;
      }
      if (entry.logEnd <= entry.nextOffset) {
        entry.movedAtMs = this.#now();
      }
    }
  }

  moved(kafkaPartition: number, nextOffset: number): void {
    const entry = this.#entries.get(kafkaPartition);
    if (entry !== undefined) {
      entry.nextOffset = nextOffset;
      entry.movedAtMs = this.#now();
    }
  }

  stop(kafkaPartition: number, reason: string): void {
    const entry = this.#entries.get(kafkaPartition);
    if (entry !== undefined) {
      entry.stopped = reason;
    }
  }

  read(): ConsumerProgress {
    return {
      state: this.#state,
      fetchedAtMs: this.#fetchedAtMs,
      kafkaPartitions: [...this.#entries.values()].map(({ logEnd, ...entry }) => ({
        ...entry,
        lag: logEnd === null || entry.nextOffset === null ? null : Math.max(0, logEnd - entry.nextOffset),
      })),
    };
  }
}
