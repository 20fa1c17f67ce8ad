import { retry } from '@meterstone/runtime';
import type { Message, Producer } from 'kafkajs';
import { type KafkaClient, METADATA_MAX_AGE_MS, REQUEST_TIMEOUT_MS } from './client.ts';
import { KafkaError } from './errors.ts';
import { READY_BATCH } from './kafkajs-patches.ts';
import { HEADER_BYTES, type ReadyBatch, RecordBatchBuilder, recordBytesMost } from './record-batch.ts';

export interface BatchProducerOptions {
  readonly kafka: KafkaClient;
  readonly topic: string;
  /** Of the topic. Batches go to 0…n−1 in turn. */
  readonly kafkaPartitions: number;
  /** How long the first record of a batch waits for others. @default 25 */
  readonly lingerMs?: number;
  /** A batch is sent at this size, before compression; the broker refuses 1 MB. @default 512 kB */
  readonly batchBytesMax?: number;
  /** Records accepted and not yet acknowledged; beyond it `enqueue` refuses. @default 64 MB */
  readonly pendingBytesMax?: number;
  /** Smaller batches travel uncompressed: zstd costs 40 µs however little there is. @default 8 kB */
  readonly compressBytesMin?: number;
  /** Called once when the bound is reached, and again only after records were accepted in between. */
  readonly onBoundReached?: () => void;
}

/** Plain counters of one batch producer, to be read at any time. Records unless they say otherwise. */
export interface BatchProducerStats {
  readonly enqueued: number;
  readonly acknowledged: number;
  /** `enqueue` calls answered with false. */
  readonly refused: number;
  /** Accepted and not yet acknowledged. */
  readonly pending: number;
  /** Of the pending, as they stand in a batch before compression. */
  readonly pendingBytes: number;
  readonly acknowledgedBatches: number;
  /** As sent: compressed, with the header of the batch, without repeats. */
  readonly acknowledgedBytes: number;
  /** Sends that failed and were, or will be, repeated with the same bytes to the same Kafka partition. */
  readonly failedSends: number;
  /** Since when no send has succeeded although one failed, epoch milliseconds; `null` = all is well. */
  readonly failingSinceMs: number | null;
}

export interface BatchProducer {
  /**
   * Takes a record in, copying its value, and never blocks. False: the bound is reached or the producer is
   * closing; the record was not taken. Throws KafkaError `record_too_large` for one that fits in no batch.
   */
  enqueue(record: { readonly key: string | null; readonly value: Uint8Array }): boolean;
  /** Sends what is pending without waiting for the linger; resolves when all of it is acknowledged. */
  flush(): Promise<void>;
  /**
   * Refuses further records, waits up to `timeoutMs` for what is pending and disconnects. Resolves with the
   * number of records that were not acknowledged and are lost with this process: 0 is a clean end.
   */
  close(timeoutMs: number): Promise<{ readonly unsent: number }>;
  readonly pendingBytes: number;
  readonly stats: BatchProducerStats;
}

/**
 * Gathers records into batches of one Kafka partition each, in turn, and sends them with acks −1.
 * One batch of a Kafka partition is in flight at a time, so records of a batch, and batches of a Kafka
 * partition, keep their order. A send that fails is repeated for ever, with back-off, with the same bytes to
 * the same Kafka partition: an outage loses and reorders nothing within the bound, but a send whose answer was
 * lost is stored again (at least once). While all sends are in flight the open batch grows instead of queueing
 * small ones: an outage leaves few large batches behind.
 */
export function createBatchProducer(options: BatchProducerOptions): BatchProducer {
  return new AccumulatingProducer(options);
}

/** Kafka partitions that have a batch in flight at a time. More only makes smaller batches. */
const IN_FLIGHT_MAX = 4;
const RETRY = { delayMs: 100, delayMsMax: 5_000 };

interface PendingBatch extends ReadyBatch {
  readonly kafkaPartition: number;
  /** What it took of the bound. */
  readonly recordBytes: number;
  readonly acknowledged: PromiseWithResolvers<void>;
}

class AccumulatingProducer implements BatchProducer {
  readonly #options: Required<Omit<BatchProducerOptions, 'onBoundReached'>>;
  readonly #onBoundReached: (() => void) | undefined;
  readonly #producer: Producer;
  readonly #builder: RecordBatchBuilder;
  /** Finished batches that wait for their Kafka partition, oldest first. */
  readonly #sealed: PendingBatch[] = [];
  readonly #inFlight = new Map<number, PendingBatch>();
  readonly #closing = new AbortController();
  readonly stats: { -readonly [K in keyof BatchProducerStats]: BatchProducerStats[K] } = {
    enqueued: 0,
    acknowledged: 0,
    refused: 0,
    pending: 0,
    pendingBytes: 0,
    acknowledgedBatches: 0,
    acknowledgedBytes: 0,
    failedSends: 0,
    failingSinceMs: null,
  };
  #kafkaPartition = 0;
  #linger: NodeJS.Timeout | null = null;
  #lingered = false;
  #refusing = false;
  #closed = false;
  #connected: Promise<void> | null = null;

  constructor({ onBoundReached, ...options }: BatchProducerOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#onBoundReached = onBoundReached;
    this.#builder = new RecordBatchBuilder(this.#options);
    this.#producer = this.#options.kafka.kafkajs.producer({
      // Required by kafkajs; every message here names its Kafka partition.
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
      allowAutoTopicCreation: false,
      idempotent: false,
      metadataMaxAge: METADATA_MAX_AGE_MS,
    });
    // So that the first batch finds a connection; a failure shows, and is repeated, when there is one to send.
    this.#connect().catch(() => undefined);
  }

  get pendingBytes(): number {
    return this.stats.pendingBytes;
  }

  enqueue({ key, value }: { readonly key: string | null; readonly value: Uint8Array }): boolean {
    const keyBytes = key === null ? -1 : Buffer.byteLength(key);
    const bytesMost = recordBytesMost(keyBytes, value.length);
    if (bytesMost + HEADER_BYTES > this.#options.batchBytesMax) {
      const message = `a record of ${bytesMost} bytes fits in no batch`;
      throw new KafkaError(message, { code: 'record_too_large', retryable: false });
    }
    if (this.#closed || this.stats.pendingBytes + bytesMost > this.#options.pendingBytesMax) {
      this.#refuse();
      return false;
    }
    this.#refusing = false;
    if (!this.#builder.fits(bytesMost)) {
      this.#seal();
      this.#dispatch();
    }
    const before = this.#builder.recordBytes;
    this.#builder.append(key, keyBytes, value);
    this.stats.enqueued += 1;
    this.stats.pending += 1;
    this.stats.pendingBytes += this.#builder.recordBytes - before;
    this.#linger ??= setTimeout(this.#onLingered, this.#options.lingerMs);
    return true;
  }

  async flush(): Promise<void> {
    this.#seal();
    this.#dispatch();
    const pending = [...this.#sealed, ...this.#inFlight.values()];
    await Promise.all(pending.map(({ acknowledged }) => acknowledged.promise));
  }

  async close(timeoutMs: number): Promise<{ readonly unsent: number }> {
    this.#closed = true;
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([this.flush(), deadline]);
    clearTimeout(timer);
    this.#closing.abort(new Error('the producer is closed'));
    if (this.#linger !== null) {
      clearTimeout(this.#linger);
    }
    const disconnected = this.#producer.disconnect().catch((error: unknown) => {
      this.#options.kafka.logger.warn(
        { err: error, topic: this.#options.topic },
        'producer did not disconnect',
      );
    });
    // kafkajs waits for requests in flight, and with records unsent they are the ones that hang.
    if (this.stats.pending === 0) {
      await disconnected;
    }
    return { unsent: this.stats.pending };
  }

  readonly #onLingered = (): void => {
    this.#linger = null;
    this.#lingered = true;
    this.#dispatch();
  };

  #refuse(): void {
    this.stats.refused += 1;
    if (this.#refusing || this.#closed) {
      return;
    }
    this.#refusing = true;
    const { kafka, topic } = this.#options;
    kafka.logger.warn({ topic, pendingBytes: this.stats.pendingBytes }, 'producer bound reached');
    this.#onBoundReached?.();
  }

  /** Ends the open batch and gives the next one the next Kafka partition. */
  #seal(): void {
    if (this.#builder.records === 0) {
      return;
    }
    const recordBytes = this.#builder.recordBytes;
    this.#sealed.push({
      ...this.#builder.seal(this.#options.kafka.now()),
      recordBytes,
      kafkaPartition: this.#kafkaPartition,
      acknowledged: Promise.withResolvers(),
    });
    this.#kafkaPartition = (this.#kafkaPartition + 1) % this.#options.kafkaPartitions;
    this.#lingered = false;
    if (this.#linger !== null) {
      clearTimeout(this.#linger);
      this.#linger = null;
    }
  }

  /** Sends as many batches as may be in flight, the oldest of each Kafka partition first. */
  #dispatch(): void {
    while (this.#inFlight.size < IN_FLIGHT_MAX && !this.#closing.signal.aborted) {
      const index = this.#sealed.findIndex(({ kafkaPartition }) => !this.#inFlight.has(kafkaPartition));
      const batch = this.#sealed[index];
      if (batch !== undefined) {
        this.#sealed.splice(index, 1);
        this.#inFlight.set(batch.kafkaPartition, batch);
        this.#send(batch).catch(this.#onGivenUp);
      } else if (this.#lingered && !this.#inFlight.has(this.#kafkaPartition) && this.#builder.records > 0) {
        this.#seal();
      } else {
        return;
      }
    }
  }

  async #send(batch: PendingBatch): Promise<void> {
    const { kafka, topic } = this.#options;
    await retry(() => this.#attempt(batch), {
      ...RETRY,
      attemptsMax: Number.POSITIVE_INFINITY,
      random: kafka.random,
      signal: this.#closing.signal,
      onRetry: ({ error, attempt }) => {
        this.stats.failedSends += 1;
        this.stats.failingSinceMs ??= kafka.now();
        if (attempt === 1) {
          const { kafkaPartition, records } = batch;
          // Without the stack: it is kafkajs's inside, and an outage is told four times over.
          kafka.logger.error(
            { reason: String(error), topic, kafkaPartition, records },
            'send failed, retrying',
          );
        }
      },
    });
    this.#inFlight.delete(batch.kafkaPartition);
    this.stats.failingSinceMs = null;
    this.stats.pending -= batch.records;
    this.stats.pendingBytes -= batch.recordBytes;
    this.stats.acknowledged += batch.records;
    this.stats.acknowledgedBatches += 1;
    this.stats.acknowledgedBytes += batch.bytes.length;
    batch.acknowledged.resolve();
    this.#dispatch();
  }

  async #attempt({ kafkaPartition, bytes }: PendingBatch): Promise<void> {
    await this.#connect();
    const message: Message & { [READY_BATCH]: Buffer } = {
      partition: kafkaPartition,
      value: null,
      [READY_BATCH]: bytes,
    };
    await this.#producer.send({
      topic: this.#options.topic,
      acks: -1,
      timeout: REQUEST_TIMEOUT_MS,
      messages: [message],
    });
  }

  #connect(): Promise<void> {
    this.#connected ??= this.#producer.connect().catch((error: unknown) => {
      this.#connected = null;
      throw error;
    });
    return this.#connected;
  }

  /** Only after close: until then `retry` goes on. The batch stays pending and is counted as unsent. */
  readonly #onGivenUp = (error: unknown): void => {
    this.#options.kafka.logger.debug({ err: error, topic: this.#options.topic }, 'send given up');
  };
}

const DEFAULTS = {
  lingerMs: 25,
  batchBytesMax: 524_288,
  pendingBytesMax: 67_108_864,
  compressBytesMin: 8_192,
};
