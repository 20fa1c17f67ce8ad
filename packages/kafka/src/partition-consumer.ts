import { backOffMs, retry } from '@meterstone/runtime';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { type KafkaClient, METADATA_MAX_AGE_MS } from './client.ts';
import { type ConsumerProgress, ProgressBook } from './consumer-progress.ts';
import { toPartitionFetch } from './fetch-patch.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { GroupTicket } from './group-ticket.ts';
import { keepHeartbeats } from './heartbeats.ts';
import type { AssignedTopic, FetchBatch } from './kafkajs-internals.ts';
import { GROUP_HOOKS, type GroupHooks, ticketOf } from './kafkajs-patches.ts';
import { createMembership, type Membership } from './membership.ts';
import { createNamedAssigner } from './named-assigner.ts';
import { isGap, type PartitionFetch } from './partition-fetch.ts';
import { PartitionLane, type RangeGrowth } from './partition-lane.ts';
import { Permits } from './permits.ts';

export interface PartitionConsumerOptions {
  readonly kafka: KafkaClient;
  readonly groupId: string;
  readonly topic: string;
  /**
   * Handles one range of one Kafka partition; when it resolves, `nextOffset` is committed. When it rejects it is
   * called again with the same range, for ever, with back-off: nothing is ever skipped. Only KafkaError
   * `partition_stopped` ends that. Ranges of one Kafka partition come in order, one at a time, and tile it; of several,
   * side by side, so that one that waits holds up no other.
   */
  readonly onBatch: (range: FetchedBatch, membership: Membership) => Promise<void>;
  /**
   * Called for each Kafka partition of an assignment before anything of it is fetched. Gives the position to start at;
   * `null` = the committed one, or the log's start. When it rejects it is called again, as `onBatch` is.
   */
  readonly onAssigned?: (membership: Membership) => Promise<number | null>;
  /** Told all Kafka partitions of an assignment, before `onAssigned` is called for each. */
  readonly onMembership?: (kafkaPartitions: readonly number[]) => void;
  /** A member that comes back under its name gets the same Kafka partitions again. @default none */
  readonly instance?: string;
  /** Longer ranges are cut. @default 100,000 */
  readonly recordsMax?: number;
  /** When a range is large enough to be handled; asked again for each. @default at once */
  readonly growth?: () => RangeGrowth;
  /** Ranges that are handled at the same time, over all Kafka partitions. @default 2 */
  readonly rangesAtOnce?: number;
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
  /** Waits for the ranges being handled, commits them and leaves the group. Call it once. */
  close(): Promise<void>;
  /** For readiness and metrics; cheap. */
  progress(): ConsumerProgress;
}

/**
 * Reads a topic as one member of a consumer group, in ranges of one Kafka partition each. A group without a
 * position starts at the earliest record, unless `onAssigned` says otherwise. A position that the log no longer holds
 * stops its Kafka partition, visibly in `progress`, and is never reset. A commit carries the membership under which the
 * range was fetched, so that a consumer that lost a Kafka partition cannot commit for its heir.
 */
export function createPartitionConsumer(options: PartitionConsumerOptions): PartitionConsumer {
  return new GroupConsumer(options);
}

const DEFAULTS = {
  onAssigned: async () => null,
  onMembership: () => undefined,
  instance: '',
  recordsMax: 100_000,
  growth: () => ({ records: 1, ageMs: 0 }),
  rangesAtOnce: 2,
  sessionTimeoutMs: 10_000,
  fetchBytesMin: 65_536,
  fetchWaitMs: 100,
};
/** How long the group waits for a member that is busy with a range when it rebalances. */
const REBALANCE_TIMEOUT_MS = 60_000;
/** How long a member that must join again lets what is in hand end first; then it goes on as a zombie would. */
const REJOIN_WAIT_MS_MAX = 50_000;
/**
 * A few batches of each Kafka partition: sixteen fit into one answer, whose order the broker never changes, and less of
 * what is read is new memory (resident 435 MB against 590 with 8 MB each, 2026-11-24).
 */
const FETCH_BYTES_PER_PARTITION_MAX = 2 * 1_048_576;
const FETCH_BYTES_MAX = 32 * 1_048_576;
const RETRY = { delayMs: 200, delayMsMax: 10_000 };

/** One membership: from joining the group until it is joined again, lost or left. */
interface Term {
  readonly ticket: GroupTicket;
  readonly lanes: ReadonlyMap<number, PartitionLane>;
  /** Aborts when nothing more may be begun. */
  readonly ending: AbortController;
  /** Nothing may be done in its name any more. */
  isOver: boolean;
  /** Resolves when every lane has ended. */
  ended: Promise<unknown>;
}

class GroupConsumer implements PartitionConsumer {
  readonly #options: Required<PartitionConsumerOptions>;
  readonly #book: ProgressBook;
  readonly #permits: Permits;
  readonly #closing = new AbortController();
  #consumer: Consumer | null = null;
  #term: Term | null = null;
  #crashes = 0;
  #restart: NodeJS.Timeout | null = null;
  #launched: Promise<void> = Promise.resolve();

  constructor(options: PartitionConsumerOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#book = new ProgressBook(options.kafka.now);
    this.#permits = new Permits(this.#options.rangesAtOnce);
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
    // Under the membership that they were fetched under, which kafkajs gives up when it is stopped.
    this.#term?.ending.abort();
    await this.#term?.ended;
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
    const { topic } = this.#options;
    const consumer = this.#createConsumer();
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      this.#closing.signal.throwIfAborted();
      this.#consumer = consumer;
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => this.#onEachBatch(payload),
      });
    } catch (error) {
      await consumer.disconnect().catch(() => undefined);
      throw error;
    }
  }

  #createConsumer(): Consumer {
    const { kafka, groupId, instance, sessionTimeoutMs, fetchBytesMin, fetchWaitMs } = this.#options;
    const hooks: GroupHooks = {
      onJoin: (heartbeat) => this.#endTerm(heartbeat),
      onJoined: (ticket, assigned) => this.#beginTerm(consumer, ticket, assigned),
      onFetched: (fetches) => this.#onFetched(fetches),
      onOutOfRange: (kafkaPartition) => this.#onStopped(kafkaPartition, 'its position is not in the log'),
    };
    const consumer: Consumer = kafka.kafkajs.consumer({
      groupId,
      partitionAssigners: [
        (config) => Object.assign(createNamedAssigner(instance)(config), { [GROUP_HOOKS]: hooks }),
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
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#onCrash(payload.error));
    return consumer;
  }

  /** The old membership still holds while the group waits for its members, so ranges in hand may end and commit. */
  async #endTerm(heartbeat: () => Promise<void>): Promise<void> {
    const term = this.#term;
    if (term === null) {
      return;
    }
    term.ending.abort();
    const heartbeats = keepHeartbeats(heartbeat, this.#options.sessionTimeoutMs / 4);
    const patience = AbortSignal.any([heartbeats.fenced, AbortSignal.timeout(REJOIN_WAIT_MS_MAX)]);
    await Promise.race([
      term.ended,
      new Promise<void>((resolve) => patience.addEventListener('abort', () => resolve())),
    ]);
    heartbeats.stop();
    term.isOver = true;
  }

  #beginTerm(consumer: Consumer, ticket: GroupTicket, assigned: readonly AssignedTopic[]): void {
    const { kafka, topic, groupId, onMembership } = this.#options;
    const partitions = assigned.find((one) => one.topic === topic)?.partitions ?? [];
    const kafkaPartitions = partitions.toSorted((a, b) => a - b);
    this.#crashes = 0;
    this.#book.assign(kafkaPartitions);
    kafka.logger.info({ topic, groupId, kafkaPartitions }, 'partitions assigned');
    onMembership(kafkaPartitions);
    const before = this.#term?.ended;
    const lanes = new Map<number, PartitionLane>();
    const term: Term = {
      ticket,
      lanes,
      ending: new AbortController(),
      isOver: false,
      ended: Promise.resolve(),
    };
    for (const kafkaPartition of kafkaPartitions) {
      consumer.pause([{ topic, partitions: [kafkaPartition] }]);
      lanes.set(kafkaPartition, this.#createLane(consumer, term, kafkaPartition));
    }
    if (this.#closing.signal.aborted) {
      term.ending.abort();
    }
    this.#term = term;
    // What is still in hand from before must not meet its own heir in this process.
    term.ended = (before ?? Promise.resolve()).then(() =>
      Promise.all([...lanes.values()].map((lane) => lane.run())),
    );
  }

  #createLane(consumer: Consumer, term: Term, kafkaPartition: number): PartitionLane {
    const { kafka, topic, onAssigned, onBatch, recordsMax, growth } = this.#options;
    const isCurrent = () => !term.isOver && term.ticket.isCurrent();
    const membership = createMembership(term.ticket, { topic, kafkaPartition, isCurrent });
    const place = [{ topic, partitions: [kafkaPartition] }];
    return new PartitionLane({
      recordsMax,
      growth,
      permits: this.#permits,
      ending: term.ending.signal,
      random: kafka.random,
      begin: () => onAssigned(membership),
      handle: (range) => onBatch(range, membership),
      commit: (nextOffset) => term.ticket.commit({ topic, kafkaPartition, nextOffset, metadata: null }),
      onBegun: (position) => {
        if (position !== null) {
          consumer.seek({ topic, partition: kafkaPartition, offset: String(position) });
        }
        consumer.resume(place);
      },
      onMoved: (nextOffset) => this.#book.moved(kafkaPartition, nextOffset),
      onStopped: (reason) => {
        consumer.pause(place);
        this.#onStopped(kafkaPartition, reason);
      },
      onRetry: ({ error, ...facts }) =>
        kafka.logger.error({ err: error, topic, kafkaPartition, ...facts }, 'partition waits, trying again'),
      pause: () => consumer.pause(place),
      resume: () => consumer.resume(place),
    });
  }

  #onEachBatch({ batch, resolveOffset }: EachBatchPayload): void {
    const term = this.#term;
    if (term === null || term.ending.signal.aborted || !ticketOf(batch).isCurrent()) {
      return;
    }
    // kafkajs hands out its own class, which has more than its type says.
    term.lanes.get(batch.partition)?.offer(toPartitionFetch(batch as unknown as FetchBatch));
    // Only for what is fetched next; what is stored is what was committed.
    resolveOffset(batch.lastOffset());
  }

  #onFetched(fetches: readonly PartitionFetch[]): void {
    const lanes = this.#term?.lanes;
    this.#book.fetched(fetches, (kafkaPartition) => lanes?.get(kafkaPartition)?.isIdle === true);
    for (const fetch of fetches) {
      const lane = lanes?.get(fetch.kafkaPartition);
      if (fetch.fault !== null) {
        lane?.stopBehind(fetch.fault.message);
      } else if (isGap(fetch)) {
        lane?.skip(fetch);
      }
    }
  }

  #onStopped(kafkaPartition: number, reason: string): void {
    const { kafka, topic, groupId } = this.#options;
    this.#book.stop(kafkaPartition, reason);
    kafka.logger.fatal({ topic, groupId, kafkaPartition, reason }, 'partition stopped');
  }

  #onCrash(error: Error): void {
    const { kafka, topic, groupId } = this.#options;
    this.#book.enter('joining');
    if (this.#term !== null) {
      this.#term.isOver = true;
      this.#term.ending.abort();
    }
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
}
