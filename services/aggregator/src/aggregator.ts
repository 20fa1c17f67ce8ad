import {
  createPartitionConsumer,
  createProducer,
  type KafkaClient,
  type PartitionConsumer,
  readRange,
  topicNames,
} from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import type { Logger, Readiness, Registry } from '@meterstone/runtime';
import { createUserKeyer, insertRawBlock, insertUsers, type StoreClient } from '@meterstone/store';
import { type Counters, createCounters, registerCounters } from './counters.ts';
import { createContentHasher } from './event-content.ts';
import type { BatchWriters } from './flush.ts';
import { createKnownUsers } from './known-users.ts';
import { createPartitionLoop } from './partition-loop.ts';
import { prepare } from './prepare.ts';
import { readinessOf, type Troubles } from './progress.ts';

/** What the aggregator is composed of. It owns none of it: stopping leaves them open. */
export interface AggregatorParts {
  readonly kafka: KafkaClient;
  readonly topicPrefix: string;
  readonly kafkaPartitions: number;
  readonly replicationFactor: number;
  readonly store: StoreClient;
  readonly database: string;
  /** The terms in force. */
  readonly terms: () => RatingTerms;
  readonly userKeySecret: Uint8Array;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
}

export interface Aggregator {
  /**
   * Prepares topics and tables and begins to read; resolves when it reads, or was stopped. Rejects where waiting
   * cannot help (see `prepare`).
   */
  start(): Promise<void>;
  /** Lets the batch in hand end, commits it and leaves the group. What could not be stored is read again later. */
  stop(): Promise<void>;
  readonly readiness: () => Readiness;
}

/** The number of the topic's incarnation. One, until streams are minted when a topic is first used. */
const STREAM = 1;
/** Rows of one block, which is one insert: 100,000 cost least in ClickHouse and about 100 MB here. */
const ROWS_PER_BLOCK_MAX = 100_000;

/** Carries usage events from Kafka to ClickHouse, as one member of the group `<prefix>.aggregator`. */
export function createAggregator(parts: AggregatorParts): Aggregator {
  const { kafka, topicPrefix, store, logger, now } = parts;
  const topics = topicNames(topicPrefix);
  const counters = createCounters();
  const troubles: Troubles = new Map();
  const letters = createProducer({ kafka, topic: topics.deadLetters });
  const stopping = new AbortController();
  let consumer: PartitionConsumer | null = null;
  let startup = 'starting';
  const progress = () => consumer?.progress() ?? null;
  registerCounters(parts.registry, counters, progress);

  const loop = createPartitionLoop({
    stream: STREAM,
    terms: parts.terms,
    readRecords: (kafkaPartition, from, to) =>
      readRange({ kafka, topic: topics.usageEvents, kafkaPartition, from, to }),
    writers: createWriters({ store, counters, now, sendDeadLetters: letters.send }),
    userKeyOf: createUserKeyer(parts.userKeySecret),
    contentOf: createContentHasher(),
    counters,
    troubles,
    logger,
    now,
  });

  return {
    async start() {
      try {
        await prepare({
          ...parts,
          signal: stopping.signal,
          onWait: (reason) => {
            startup = reason;
          },
        });
      } catch (error) {
        if (stopping.signal.aborted) {
          return;
        }
        throw error;
      }
      consumer = createPartitionConsumer({
        kafka,
        groupId: `${topicPrefix}.aggregator`,
        topic: topics.usageEvents,
        recordsMax: ROWS_PER_BLOCK_MAX,
        onAssigned: loop.onAssigned,
        onBatch: loop.onBatch,
      });
      await consumer.start();
    },
    async stop() {
      stopping.abort(new Error('the aggregator stops'));
      await consumer?.close();
      await letters.close();
    },
    readiness: () => readinessOf(progress() ?? startup, troubles, now()),
  };
}

interface WriterParts {
  readonly store: StoreClient;
  readonly counters: Counters;
  readonly now: () => number;
  readonly sendDeadLetters: BatchWriters['sendDeadLetters'];
}

function createWriters({ store: client, counters, now, sendDeadLetters }: WriterParts): BatchWriters {
  const known = createKnownUsers();
  return {
    async insertUsers(users) {
      const unknown = users.filter((user) => !known.has(user));
      await insertUsers({ client, users: unknown });
      known.add(unknown);
    },
    async insertRows(block, token) {
      const startedAt = now();
      try {
        await insertRawBlock({ client, block, token });
      } finally {
        counters.inserts += 1;
        counters.insertMs += now() - startedAt;
      }
    },
    async sendDeadLetters(records) {
      if (records.length > 0) {
        await sendDeadLetters(records);
      }
    },
  };
}
