import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Journal,
  Outbox,
  openJournal,
  type ReplayOptions,
  readTopicNow,
  replayJournals,
} from '@meterstone/journal';
import {
  type BatchProducer,
  type BatchProducerOptions,
  createBatchProducer,
  type KafkaClient,
} from '@meterstone/kafka';
import { type Logger, retry } from '@meterstone/runtime';
import type { EventSink } from './recorder.ts';

export interface EventStoreOptions {
  readonly kafka: KafkaClient;
  readonly topic: string;
  /** See `JournalOptions`. */
  readonly topicId: string | null;
  readonly kafkaPartitions: number;
  /** Of all journals. */
  readonly folder: string;
  readonly instance: string;
  readonly pid: number;
  /** Instance and version, as they stand on events. */
  readonly sourceRef: string;
  readonly journalBytesMax: number;
  readonly fsyncMs: number;
  readonly producer?: Pick<BatchProducerOptions, 'lingerMs' | 'pendingBytesMax'>;
  readonly logger: Logger;
  readonly now: () => number;
  /** From [0, 1). */
  readonly random: () => number;
}

/** The way of an event to Kafka: journal, outbox and producer, put together. */
export interface EventStore {
  readonly sink: EventSink;
  readonly journal: Journal;
  readonly producer: BatchProducer;
  /** Events wait in the journal alone. */
  readonly isBehind: () => boolean;
  /** Replays what dead processes left in the folder, now and from time to time, until the store is closed. */
  replay(): void;
  /** Waits up to `timeoutMs` for Kafka. Resolves with what is left in the journal for the next process. */
  close(timeoutMs: number): Promise<{ readonly openNotes: number; readonly unsettled: number }>;
}

export function createEventStore(options: EventStoreOptions): EventStore {
  const { kafka, topic, kafkaPartitions, logger } = options;
  const journal = openJournal({ ...options, bytesMax: options.journalBytesMax });
  const producer = createBatchProducer({
    ...options.producer,
    kafka,
    topic,
    kafkaPartitions,
    // Where an event goes is on disk before it goes there.
    beforeSend: () => journal.written(),
    onAcknowledged: (range) => journal.settle(range),
  });
  const outbox = new Outbox({ journal, producer, kafkaPartitions, logger });
  const stopping = new AbortController();
  const { signal } = stopping;
  const replayOptions: ReplayOptions = {
    ...options,
    producer,
    signal,
    // While Kafka is away or has no such topic, journals stay claimed, and are replayed when it has.
    readTopic: () =>
      retry(() => readTopicNow(kafka, topic), { ...TOPIC_RETRY, random: options.random, signal }),
  };
  let replaying: Promise<void> = Promise.resolve();
  return {
    journal,
    producer,
    sink: {
      note: (event) => journal.note(event),
      whenNoted: (callback) => journal.whenWritten(callback),
      renew: (entry, event) => journal.renew(entry, event),
      drop: (entry) => journal.drop(entry),
      send: (entry, attempt) => outbox.send(entry, attempt),
    },
    isBehind: () => outbox.isBehind,
    replay() {
      replaying = replayForEver(options.folder, replayOptions);
    },
    async close(timeoutMs) {
      stopping.abort(new Error('the proxy stops'));
      await outbox.close();
      await producer.close(timeoutMs);
      await replaying;
      return journal.close();
    },
  };
}

const TOPIC_RETRY = { attemptsMax: Number.POSITIVE_INFINITY, delayMs: 200, delayMsMax: 5_000 };
/** A sibling that dies and is not started again is noticed after this. */
const REPLAY_PERIOD_MS = 60_000;

async function replayForEver(folder: string, options: ReplayOptions): Promise<void> {
  while (!options.signal.aborted) {
    try {
      await replayJournals(folder, options);
      await sleep(REPLAY_PERIOD_MS, undefined, { signal: options.signal, ref: false });
    } catch (error) {
      if (!options.signal.aborted) {
        options.logger.error({ err: error }, 'looking for journals failed, trying again');
        await sleep(REPLAY_PERIOD_MS, undefined, { signal: options.signal, ref: false }).catch(
          () => undefined,
        );
      }
    }
  }
}
