import {
  createPartitionConsumer,
  createProducer,
  type KafkaClient,
  type PartitionConsumer,
  readLogBounds,
  readRange,
  topicNames,
} from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import type { Logger, Readiness, Registry } from '@meterstone/runtime';
import { createUserKeyer, findStoredEvents, readLastLedgerRange, type StoreClient } from '@meterstone/store';
import { createBatchWriters } from './batch-writers.ts';
import { type Counters, createCounters } from './counters.ts';
import { readIdFilter } from './direct-ids.ts';
import { CLOCK_SKEW_MS_MAX } from './older-events.ts';
import { createPartitionLoop } from './partition-loop.ts';
import type { OlderSources } from './pending-range.ts';
import { prepare } from './prepare.ts';
import { readinessOf, type Troubles } from './progress.ts';
import { rangeGrowth } from './range-age.ts';
import { registerAggregatorReadings } from './readings.ts';
import { type StoreWatch, watchStore } from './store-watch.ts';
import { findStream } from './topic-stream.ts';

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
  /** The terms of an epoch as they were; rejects with `bundle_missing` or `bundle_damaged`. */
  readonly loadTerms: (epoch: string) => Promise<RatingTerms>;
  /** Under this name the process gets its Kafka partitions back; `null` = it has none. */
  readonly instance: string | null;
  readonly userKeySecret: Uint8Array;
  /** How long the first event of a block waits for others while they are few, in milliseconds. */
  readonly flushAgeMs: number;
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

  const topic = topics.usageEvents;
  const loop = createPartitionLoop({
    topic,
    terms: parts.terms,
    loadTerms: parts.loadTerms,
    readFacts: async () => ({
      stream: await findStream({ kafka, store, topic }),
      logBounds: await readLogBounds(kafka, topic),
    }),
    readRecords: (kafkaPartition, from, to) => readRange({ kafka, topic, kafkaPartition, from, to }),
    readLastRange: (place) => readLastLedgerRange(store, place),
    older: olderSources(parts, counters),
    writers: createBatchWriters({ store, counters, now, sendDeadLetters: letters.send }),
    userKeyOf: createUserKeyer(parts.userKeySecret),
    counters,
    troubles,
    logger,
    now,
  });

  let watch: StoreWatch | null = null;
  const crowdedAgeMs = () => watch?.rangeAgeMs ?? 0;
  registerAggregatorReadings(parts.registry, {
    counters,
    progress,
    parts: () => watch?.parts ?? new Map(),
    rangeAgeMs: crowdedAgeMs,
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
        topic,
        recordsMax: ROWS_PER_BLOCK_MAX,
        growth: () => rangeGrowth(parts.flushAgeMs, crowdedAgeMs()),
        ...(parts.instance === null ? {} : { instance: parts.instance }),
        onMembership: (kafkaPartitions) => loop.onMembership(kafkaPartitions),
        onAssigned: (membership) => loop.onAssigned(membership),
        onBatch: (range, membership) => loop.onBatch(range, membership),
      });
      watch = watchStore({ store, loop, logger });
      await consumer.start();
    },
    async stop() {
      stopping.abort(new Error('the aggregator stops'));
      watch?.stop();
      await consumer?.close();
      await letters.close();
    },
    readiness: () => readinessOf(progress() ?? startup, troubles, now()),
  };
}

function olderSources({ store, logger }: AggregatorParts, counters: Counters): OlderSources {
  return {
    findStored: (keys, older) => findStoredEvents(store, keys, older),
    readIdFilter: (older) => readIdFilter(store, older),
    onLookUp: (ids) => {
      counters.idsLookedUp += ids;
    },
    onClocksAhead: (events) => {
      counters.clocksAhead += events;
      logger.warn(
        { events, clockSkewMsMax: CLOCK_SKEW_MS_MAX },
        'ids from the future: the clock of a proxy is ahead',
      );
    },
  };
}
