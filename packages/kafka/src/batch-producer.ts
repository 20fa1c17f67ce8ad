import { retry } from '@meterstone/runtime';
import type { Message, Producer } from 'kafkajs';
import type {
  BatchProducer,
  BatchProducerOptions,
  BatchProducerStats,
  KeyedValue,
  OrdinalRange,
} from './batch-producer-contract.ts';
import { METADATA_MAX_AGE_MS, REQUEST_TIMEOUT_MS } from './client.ts';
import { KafkaError } from './errors.ts';
import { READY_BATCH } from './kafkajs-patches.ts';
import { HEADER_BYTES, type ReadyBatch, RecordBatchBuilder, recordBytesMost } from './record-batch.ts';

export type { BatchProducer, BatchProducerOptions, BatchProducerStats } from './batch-producer-contract.ts';

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
  /** `null`: its records were not placed. */
  readonly ordinals: OrdinalRange | null;
  readonly acknowledged: PromiseWithResolvers<void>;
}

type Hooks = Pick<BatchProducerOptions, 'onBoundReached' | 'beforeSend' | 'onAcknowledged'>;

class AccumulatingProducer implements BatchProducer {
  readonly #options: Required<Omit<BatchProducerOptions, keyof Hooks>>;
  readonly #hooks: Hooks;
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
  /** Of the open batch; `next` is what its next record has to be. */
  #ordinals: { first: number; next: number } | null = null;
  #linger: NodeJS.Timeout | null = null;
  #lingered = false;
  #refusing = false;
  #closed = false;
  #connected: Promise<void> | null = null;

  constructor({ onBoundReached, beforeSend, onAcknowledged, ...options }: BatchProducerOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#hooks = {
      ...(onBoundReached && { onBoundReached }),
      ...(beforeSend && { beforeSend }),
      ...(onAcknowledged && { onAcknowledged }),
    };
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

  enqueue(record: KeyedValue): boolean {
    return this.#append(record, null) >= 0;
  }

  place(record: KeyedValue & { readonly ordinal: number }): number {
    return this.#append(record, record.ordinal);
  }

  async sendBatch({
    kafkaPartition,
    records,
  }: {
    readonly kafkaPartition: number;
    readonly records: readonly KeyedValue[];
  }): Promise<void> {
    if (this.#closed) {
      throw closedError();
    }
    const builder = new RecordBatchBuilder(this.#options);
    for (const { key, value } of records) {
      const keyBytes = key === null ? -1 : Buffer.byteLength(key);
      this.#checkFits(builder, recordBytesMost(keyBytes, value.length));
      builder.append(key, keyBytes, value);
    }
    if (builder.records === 0) {
      return;
    }
    this.stats.enqueued += builder.records;
    this.stats.pending += builder.records;
    this.stats.pendingBytes += builder.recordBytes;
    if (kafkaPartition === this.#kafkaPartition) {
      // What is in the open batch came first.
      this.#seal();
    }
    const batch = this.#finish(builder, { kafkaPartition, ordinals: null });
    this.#sealed.push(batch);
    this.#dispatch();
    await batch.acknowledged.promise;
  }

  batchFits(records: number, bytes: number): boolean {
    return HEADER_BYTES + bytes + records * RECORD_OVERHEAD_BYTES_MAX <= this.#options.batchBytesMax;
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
    // A second close finds batches that the first gave up.
    await Promise.race([this.flush().catch(() => undefined), deadline]);
    clearTimeout(timer);
    this.#closing.abort(closedError());
    for (const { acknowledged } of [...this.#sealed, ...this.#inFlight.values()]) {
      acknowledged.reject(closedError());
    }
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

  #append({ key, value }: KeyedValue, ordinal: number | null): number {
    const keyBytes = key === null ? -1 : Buffer.byteLength(key);
    const bytesMost = recordBytesMost(keyBytes, value.length);
    if (bytesMost + HEADER_BYTES > this.#options.batchBytesMax) {
      throw tooLarge(bytesMost);
    }
    if (this.#closed || this.stats.pendingBytes + bytesMost > this.#options.pendingBytesMax) {
      this.#refuse();
      return -1;
    }
    this.#refusing = false;
    if (!this.#builder.fits(bytesMost) || ordinal !== (this.#ordinals?.next ?? ordinal)) {
      this.#seal();
      this.#dispatch();
    }
    const before = this.#builder.recordBytes;
    this.#builder.append(key, keyBytes, value);
    if (ordinal !== null) {
      this.#ordinals = { first: this.#ordinals?.first ?? ordinal, next: ordinal + 1 };
    }
    this.stats.enqueued += 1;
    this.stats.pending += 1;
    this.stats.pendingBytes += this.#builder.recordBytes - before;
    this.#linger ??= setTimeout(this.#onLingered, this.#options.lingerMs);
    return this.#kafkaPartition;
  }

  #checkFits(builder: RecordBatchBuilder, bytesMost: number): void {
    if (!builder.fits(bytesMost)) {
      throw tooLarge(builder.recordBytes + bytesMost);
    }
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
    this.#hooks.onBoundReached?.();
  }

  /** Ends the open batch and gives the next one the next Kafka partition. */
  #seal(): void {
    if (this.#builder.records === 0) {
      return;
    }
    const place = { kafkaPartition: this.#kafkaPartition, ordinals: this.#ordinals };
    this.#sealed.push(this.#finish(this.#builder, place));
    this.#ordinals = null;
    this.#kafkaPartition = (this.#kafkaPartition + 1) % this.#options.kafkaPartitions;
    this.#lingered = false;
    if (this.#linger !== null) {
      clearTimeout(this.#linger);
      this.#linger = null;
    }
  }

  #finish(
    builder: RecordBatchBuilder,
    place: Pick<PendingBatch, 'kafkaPartition' | 'ordinals'>,
  ): PendingBatch {
    const recordBytes = builder.recordBytes;
    const acknowledged = Promise.withResolvers<void>();
    // Rejected when the producer is closed; most batches have nobody who waits for them.
    acknowledged.promise.catch(() => undefined);
    return { ...builder.seal(this.#options.kafka.now()), ...place, recordBytes, acknowledged };
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
    if (batch.ordinals !== null) {
      this.#hooks.onAcknowledged?.(batch.ordinals);
    }
    batch.acknowledged.resolve();
    this.#dispatch();
  }

  async #attempt({ kafkaPartition, bytes }: PendingBatch): Promise<void> {
    await this.#connect();
    await this.#hooks.beforeSend?.();
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

function closedError(): KafkaError {
  return new KafkaError('the producer is closed', { code: 'produce_failed', retryable: false });
}

function tooLarge(bytesMost: number): KafkaError {
  const message = `a record of ${bytesMost} bytes fits in no batch`;
  return new KafkaError(message, { code: 'record_too_large', retryable: false });
}

/** Length, two bytes of flags, offset delta, key and value lengths, header count, as varints at their longest. */
const RECORD_OVERHEAD_BYTES_MAX = 20;

const DEFAULTS = {
  lingerMs: 25,
  batchBytesMax: 524_288,
  pendingBytesMax: 67_108_864,
  compressBytesMin: 8_192,
};
