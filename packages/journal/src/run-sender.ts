import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchProducer } from '@meterstone/kafka';
import { type BuiltRun, ordinalRanges } from './built-runs.ts';

/** What sending from a journal needs of the batch producer. */
export type RunProducer = Pick<BatchProducer, 'sendBatch' | 'batchFits' | 'pendingBytes'>;

export interface RunSenderOptions {
  readonly producer: RunProducer;
  /** Nothing more is sent from the journal while the producer has so much that Kafka has not acknowledged. */
  readonly pendingBytesMax: number;
  /** What is sent from the journal, so that it leaves room for what is new. */
  readonly bytesPerSecond: number;
  readonly settle: (range: { readonly first: number; readonly next: number }) => void;
  readonly signal: AbortSignal;
}

/** Sends runs of a journal in their order, throttled, and settles each when Kafka has acknowledged it. */
export class RunSender {
  readonly #options: RunSenderOptions;
  readonly #inFlight = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;
  /** Events handed to the producer so far, and those of them that Kafka has acknowledged. */
  sent = 0;
  acknowledged = 0;
  /** What follows the last event that was handed to the producer; 0: none was. */
  nextOrdinal = 0;

  constructor(options: RunSenderOptions) {
    this.#options = options;
  }

  /** The producer takes more from the journal. */
  get hasRoom(): boolean {
    return this.#options.producer.pendingBytes <= this.#options.pendingBytesMax;
  }

  /** Resolves when the run is with the producer. Rejects when the signal aborts or the producer was closed. */
  async send(run: BuiltRun): Promise<void> {
    const { bytesPerSecond, signal } = this.#options;
    while (!this.hasRoom) {
      await sleep(ROOM_CHECK_MS, undefined, { signal });
    }
    this.hand(run);
    await sleep((run.bytes * 1_000) / bytesPerSecond, undefined, { signal });
  }

  /** Hands a run to the producer at once. */
  hand(run: BuiltRun): void {
    this.#throwFailure();
    const sending = this.#options.producer
      .sendBatch({ kafkaPartition: run.kafkaPartition, records: run.records })
      .then(() => this.#onAcknowledged(run))
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
    this.sent += run.records.length;
    this.nextOrdinal = (run.records.at(-1)?.ordinal ?? -1) + 1;
  }

  /** Resolves when Kafka has acknowledged all. */
  async idle(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.#throwFailure();
  }

  #onAcknowledged(run: BuiltRun): void {
    this.acknowledged += run.records.length;
    for (const range of ordinalRanges(run)) {
      this.#options.settle(range);
    }
  }

  #throwFailure(): void {
    if (this.#failure !== null) {
      throw this.#failure.error;
    }
  }
}

const ROOM_CHECK_MS = 20;
