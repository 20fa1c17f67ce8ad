import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchProducer } from '@meterstone/kafka';
import type { Logger } from '@meterstone/runtime';
import type { BuiltEvent } from './frame-writer.ts';
import type { Journal } from './journal.ts';
import type { JournalEntry } from './journal-options.ts';
import { readBehind } from './read-behind.ts';
import { RunSender } from './run-sender.ts';
import { TurnPartitions } from './turn-partitions.ts';

export interface OutboxOptions {
  readonly journal: Journal;
  /** Its `beforeSend` calls `journal.written`, its `onAcknowledged` calls `journal.settle`. */
  readonly producer: Pick<BatchProducer, 'place' | 'sendBatch' | 'batchFits' | 'pendingBytes'>;
  /** Of the topic. */
  readonly kafkaPartitions: number;
  /** See `RunSenderOptions`. @default 8 MB */
  readonly catchUpPendingBytesMax?: number;
  /** See `RunSenderOptions`. @default 32 MB */
  readonly catchUpBytesPerSecond?: number;
  readonly logger: Logger;
}

export interface EventsToSend {
  /** 16 bytes. */
  readonly eventId: Uint8Array;
  /** All events of the attempt, encoded. They are copied. */
  readonly records: readonly EncodedEvent[];
}

export type EncodedEvent = Pick<BuiltEvent, 'key' | 'value'>;

/**
 * Hands events to the producer and to the journal. While the producer's bound is reached, and until what came meanwhile
 * has been read back, events stand in the journal alone and memory stays bounded: an outage is made up for oldest first.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #turns: TurnPartitions;
  readonly #stopping = new AbortController();
  #isBehind = false;
  #catchingUp: Promise<void> = Promise.resolve();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#turns = new TurnPartitions(options.kafkaPartitions);
  }

  /** Events go to the journal alone for now. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /**
   * Ends an attempt with its events. Returns how many of them are lost, because neither memory nor journal takes them.
   * `entry` is `null` for an attempt that could not be noted.
   */
  send(entry: JournalEntry | null, { eventId, records }: EventsToSend): number {
    const { journal } = this.#options;
    const events: BuiltEvent[] = [];
    for (const record of records) {
      const ordinal = journal.nextOrdinal + events.length;
      const kafkaPartition = this.#place(entry, record, ordinal);
      if (kafkaPartition >= 0) {
        events.push({ ordinal, kafkaPartition, key: record.key, value: record.value });
      }
    }
    if (events.length > 0) {
      journal.append(entry, { eventId, events });
    } else if (entry !== null) {
      journal.drop(entry);
    }
    return records.length - events.length;
  }

  /** Ends catching up; what is left stays in the journal. */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('the outbox is closed'));
    await this.#catchingUp;
  }

  #place(entry: JournalEntry | null, record: EncodedEvent, ordinal: number): number {
    const { journal, producer } = this.#options;
    const direct = this.#isBehind ? -1 : producer.place({ ...record, ordinal });
    if (direct >= 0) {
      return direct;
    }
    if (!journal.keeps(entry)) {
      // Out of turn, but not lost.
      return this.#isBehind ? producer.place({ ...record, ordinal }) : -1;
    }
    this.#fallBehind(ordinal);
    return this.#turns.next(record.value.length);
  }

  #fallBehind(ordinal: number): void {
    if (this.#isBehind) {
      return;
    }
    const { journal, logger } = this.#options;
    this.#isBehind = true;
    logger.warn({ journalBytes: journal.bytes }, 'producer bound reached, events wait in the journal');
    const segment = journal.segments.at(-1)?.number ?? 0;
    const before = this.#catchingUp;
    this.#catchingUp = this.#catchUp({ ordinal, segment }).then(() => before);
  }

  /** Never rejects: what cannot be sent now stays in the journal. */
  async #catchUp(from: { readonly ordinal: number; readonly segment: number }): Promise<void> {
    const { journal, producer, logger, catchUpPendingBytesMax, catchUpBytesPerSecond } = this.#options;
    const { signal } = this.#stopping;
    const sender = new RunSender({
      producer,
      pendingBytesMax: catchUpPendingBytesMax ?? PENDING_BYTES_MAX,
      bytesPerSecond: catchUpBytesPerSecond ?? BYTES_PER_SECOND,
      settle: (range) => journal.settle(range),
      signal,
    });
    const progress = setInterval(() => {
      const waiting = journal.nextOrdinal - from.ordinal - sender.sent;
      logger.info(
        { sent: sender.sent, waiting, journalBytes: journal.bytes },
        'catching up from the journal',
      );
    }, PROGRESS_MS).unref();
    while (!signal.aborted) {
      try {
        await readBehind({
          ...this.#options,
          from,
          sender,
          signal,
          onCaughtUp: () => (this.#isBehind = false),
        });
        logger.info({ events: sender.sent }, 'journal has caught up');
        break;
      } catch (error) {
        if (!signal.aborted) {
          logger.error({ err: error }, 'journal could not be read back, trying again');
          await sleep(READ_RETRY_MS, undefined, { signal }).catch(() => undefined);
        }
      }
    }
    clearInterval(progress);
  }
}

const PENDING_BYTES_MAX = 8_388_608;
const BYTES_PER_SECOND = 33_554_432;
const PROGRESS_MS = 5_000;
const READ_RETRY_MS = 1_000;
