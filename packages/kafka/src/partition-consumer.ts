import { backOffMs, retry } from '@meterstone/runtime';
import kafkajs, { type Consumer, type EachBatchPayload } from 'kafkajs';
import { batchSlices } from './batch-slices.ts';
import { type KafkaClient, METADATA_MAX_AGE_MS } from './client.ts';
import { type ConsumerProgress, ProgressBook } from './consumer-progress.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { keepHeartbeats } from './heartbeats.ts';
import type { FetchBatch } from './kafkajs-internals.ts';
import { type FetchTicket, GROUP_HOOKS, type GroupHooks, ticketOf } from './kafkajs-patches.ts';

export interface PartitionConsumerOptions {
  readonly kafka: KafkaClient;
  readonly groupId: string;
  readonly topic: string;
  /**
   * Handles one range of one Kafka partition; when it resolves, `nextOffset` is committed. When it rejects it is
   * called again with the same range, for ever, with back-off: nothing is ever skipped. `isCurrent` is false
   * once the group has moved on; what is done then may be done by the heir at the same time.
   * Ranges of one Kafka partition come in order, one at a time; of several, side by side.
   */
  readonly onBatch: (batch: FetchedBatch, membership: { isCurrent(): boolean }) => Promise<void>;
  /** Called after each assignment, and awaited before the first batch under it; repeated if it rejects. */
  readonly onAssigned?: (kafkaPartitions: readonly number[]) => Promise<void> | void;
  /** Longer ranges are cut, with a commit each. @default 100,000 */
  readonly recordsMax?: number;
  /** Kafka partitions whose batches are handled at the same time. @default 2 */
  readonly partitionsAtOnce?: number;
  /** A consumer that died is replaced after this long. @default 10 s */
  readonly sessionTimeoutMs?: number;
  /** The broker answers a fetch once it has this much… @default 64 kB */
  readonly fetchBytesMin?: number;
  /** …or after this long: the price in freshness of reading less often. @default 100 */
  readonly fetchWaitMs?: number;
}

export interface PartitionConsumer {
  /** Joins the group, trying again for as long as no broker answers; resolves when it has, or was closed. */
  start(): Promise<void>;
  /** Waits for the batches being handled, commits them and leaves the group. Call it once. */
  close(): Promise<void>;
  /** For readiness and metrics; cheap. */
  progress(): ConsumerProgress;
}

/**
 * Reads a topic as one member of a consumer group, in ranges of one Kafka partition each. A group without a
 * position starts at the earliest record. A position that the log no longer holds stops its Kafka partition,
 * visibly in `progress`, and is never reset. A commit carries the membership under which the range was
 * fetched, so that a consumer that lost a Kafka partition cannot commit for its heir.
 */
export function createPartitionConsumer(options: PartitionConsumerOptions): PartitionConsumer {
  return new GroupConsumer(options);
}

const DEFAULTS = {
  onAssigned: () => undefined,
  recordsMax: 100_000,
  partitionsAtOnce: 2,
  sessionTimeoutMs: 10_000,
  fetchBytesMin: 65_536,
  fetchWaitMs: 100,
};
/** How long the group waits for a member that is busy with a batch when it rebalances. */
const REBALANCE_TIMEOUT_MS = 60_000;
const FETCH_BYTES_PER_PARTITION_MAX = 8 * 1_048_576;
const FETCH_BYTES_MAX = 32 * 1_048_576;
const RETRY = { delayMs: 200, delayMsMax: 10_000 };
const COMMIT_RETRY = { delayMs: 100, delayMsMax: 1_000, attemptsMax: 5 };

interface Assignment {
  readonly kafkaPartitions: readonly number[];
  /** `null`: `onAssigned` is yet to be called, or failed. */
  prepared: Promise<void> | null;
}

class GroupConsumer implements PartitionConsumer {
  readonly #options: Required<PartitionConsumerOptions>;
  readonly #book: ProgressBook;
  readonly #closing = new AbortController();
  #consumer: Consumer | null = null;
  #assignment: Assignment = { kafkaPartitions: [], prepared: null };
  #crashes = 0;
  #restart: NodeJS.Timeout | null = null;
  #launched: Promise<void> = Promise.resolve();

  constructor(options: PartitionConsumerOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#book = new ProgressBook(options.kafka.now);
  }

  progress(): ConsumerProgress {
    return this.#book.read();
  }

  async start(): Promise<void> {
    const { kafka, topic, groupId } = this.#options;
    const { signal } = this.#closing;
    try {
      await retry(() => this.#relaunch(), {
        ...RETRY,
        attemptsMax: Number.POSITIVE_INFINITY,
        random: kafka.random,
        signal,
        onRetry: ({ error }) =>
          kafka.logger.error({ reason: String(error), topic, groupId }, 'consumer did not start'),
      });
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the consumer is closed'));
    if (this.#restart !== null) {
      clearTimeout(this.#restart);
    }
    // kafkajs cannot be stopped while it joins: it would go on afterwards.
    await this.#launched.catch(() => undefined);
    await this.#consumer?.disconnect();
    this.#book.enter('closed');
  }

  #relaunch(): Promise<void> {
    this.#launched = this.#launch();
    return this.#launched;
  }

  async #launch(): Promise<void> {
    const { topic, partitionsAtOnce } = this.#options;
    const consumer = this.#createConsumer();
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      this.#closing.signal.throwIfAborted();
      this.#consumer = consumer;
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: partitionsAtOnce,
        eachBatch: (payload) => this.#onEachBatch(payload),
      });
    } catch (error) {
      await consumer.disconnect().catch(() => undefined);
      throw error;
    }
  }

  #createConsumer(): Consumer {
    const { kafka, groupId, topic, sessionTimeoutMs, fetchBytesMin, fetchWaitMs } = this.#options;
    const hooks: GroupHooks = {
      onFetched: (batches) => this.#book.fetched(batches),
      onOutOfRange: (kafkaPartition) => {
        this.#book.stop(kafkaPartition, 'offset_out_of_range');
        kafka.logger.fatal(
          { topic, groupId, kafkaPartition },
          'position is not in the log, partition stopped',
        );
      },
    };
    const consumer = kafka.kafkajs.consumer({
      groupId,
      partitionAssigners: [
        (config) => Object.assign(kafkajs.PartitionAssigners.roundRobin(config), { [GROUP_HOOKS]: hooks }),
      ],
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: sessionTimeoutMs / 4,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
      minBytes: fetchBytesMin,
      maxWaitTimeInMs: fetchWaitMs,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION_MAX,
      maxBytes: FETCH_BYTES_MAX,
      readUncommitted: false,
      // After a crash the consumer is made anew here, with a back-off that has no end.
      retry: { restartOnFailure: async () => false },
    });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      this.#onJoined(payload.memberAssignment[topic] ?? []),
    );
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#onCrash(payload.error));
    return consumer;
  }

  #onJoined(assigned: readonly number[]): void {
    const kafkaPartitions = assigned.toSorted((a, b) => a - b);
    this.#crashes = 0;
    this.#assignment = { kafkaPartitions, prepared: null };
    this.#book.assign(kafkaPartitions);
    const { kafka, topic, groupId } = this.#options;
    kafka.logger.info({ topic, groupId, kafkaPartitions }, 'partitions assigned');
  }

  #onCrash(error: Error): void {
    const { kafka, topic, groupId } = this.#options;
    this.#book.enter('joining');
    this.#crashes += 1;
    const waitMs = backOffMs(this.#crashes, { ...RETRY, random: kafka.random });
    kafka.logger.error(
      { reason: String(error), topic, groupId, waitMs },
      'consumer crashed, starting it again',
    );
    if (this.#closing.signal.aborted) {
      return;
    }
    this.#restart = setTimeout(() => {
      this.start().catch((cause: unknown) => kafka.logger.fatal({ err: cause, topic }, 'consumer is gone'));
    }, waitMs);
  }

  async #onEachBatch({ batch, heartbeat, resolveOffset }: EachBatchPayload): Promise<void> {
    const ticket = ticketOf(batch);
    const heartbeats = keepHeartbeats(heartbeat, this.#options.sessionTimeoutMs / 4);
    const isCurrent = () => ticket.isCurrent() && !heartbeats.fenced;
    const giveUp = AbortSignal.any([heartbeats.groupChanged, this.#closing.signal]);
    try {
      // kafkajs hands out its own class, which has more than its type says.
      for (const slice of batchSlices(batch as unknown as FetchBatch, this.#options.recordsMax)) {
        // An unresolved range is fetched again, here or by its heir.
        if (giveUp.aborted || !isCurrent()) {
          break;
        }
        await this.#handle(slice, { isCurrent, giveUp });
        await this.#commit(ticket, slice);
        if (ticket.isCurrent()) {
          resolveOffset(String(slice.nextOffset - 1));
          this.#book.moved(slice.kafkaPartition, slice.nextOffset);
        }
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        throw error;
      }
    } finally {
      heartbeats.stop();
    }
    // So that kafkajs joins the group again now, not at its next heartbeat.
    if (!this.#closing.signal.aborted) {
      heartbeats.groupChanged.throwIfAborted();
    }
  }

  async #handle(
    slice: FetchedBatch,
    { isCurrent, giveUp }: { isCurrent: () => boolean; giveUp: AbortSignal },
  ): Promise<void> {
    const { kafka, onBatch } = this.#options;
    const { topic, kafkaPartition, firstOffset, nextOffset } = slice;
    await retry(
      async () => {
        await this.#prepare(this.#assignment);
        await onBatch(slice, { isCurrent });
      },
      {
        ...RETRY,
        attemptsMax: Number.POSITIVE_INFINITY,
        random: kafka.random,
        signal: giveUp,
        onRetry: ({ error, attempt, waitMs }) => {
          const facts = { err: error, topic, kafkaPartition, firstOffset, nextOffset, attempt, waitMs };
          kafka.logger.error(facts, 'batch failed, trying again');
        },
      },
    );
  }

  async #prepare(assignment: Assignment): Promise<void> {
    assignment.prepared ??= (async () => this.#options.onAssigned(assignment.kafkaPartitions))();
    try {
      await assignment.prepared;
    } catch (error) {
      assignment.prepared = null;
      throw error;
    }
  }

  /** A commit that fails in the end is thrown to kafkajs, which joins again; the range is then handled again. */
  async #commit(ticket: FetchTicket, { topic, kafkaPartition, nextOffset }: FetchedBatch): Promise<void> {
    await retry(() => ticket.commit({ topic, kafkaPartition, nextOffset }), {
      ...COMMIT_RETRY,
      random: this.#options.kafka.random,
      // kafkajs marks what the broker or the network may do better next time.
      isRetryable: (error) => error instanceof Error && 'retriable' in error && error.retriable === true,
    });
  }
}
