import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeUsageEvent, encodeUsageEvent } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { exampleEvent } from './example-event.ts';
import type { Journal } from './journal.ts';
import type { JournalOptions } from './journal-options.ts';
import { openJournal } from './open-journal.ts';
import type { EncodedEvent, OutboxOptions } from './outbox.ts';
import type { ReplayOptions } from './replay-journal.ts';

/** For the tests of this package: folders, journals and a producer that remembers. */
export const SILENT = createLogger({ service: 'journal-test', level: 'silent' });

/** Of the topic that journals are opened for. */
export const TOPIC_ID = '5f0a1c3be2d94c7b9a8e6d5c4b3a2910';

const folders: string[] = [];

export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'journal-test-'));
  folders.push(folder);
  return folder;
}

export function removeTestFolders(): void {
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function testJournal(options: Partial<JournalOptions> = {}): Journal {
  return openJournal({
    folder: options.folder ?? testFolder(),
    instance: 'proxy-1',
    pid: 7,
    topic: 'usage-events',
    topicId: TOPIC_ID,
    bytesMax: 1_000_000_000,
    fsyncMs: 0,
    logger: SILENT,
    now: () => 1_700_000_000_000,
    random: Math.random,
    ...options,
  });
}

export function testEvent(facts: Partial<UsageEvent> = {}): UsageEvent {
  return exampleEvent({ eventId: randomBytes(16), ...facts });
}

/** The event that an attempt ends with, encoded. */
export function ended(event: UsageEvent, facts: Partial<UsageEvent> = {}): EncodedEvent {
  const slab = Buffer.alloc(8_192);
  const end = encodeUsageEvent(
    { ...event, outcome: 'ok', usageSource: 'reported', outputTokens: 42, ...facts },
    slab,
    0,
  );
  return { key: event.operationId, value: slab.subarray(0, end) };
}

interface SentEvent {
  readonly id: string;
  readonly event: UsageEvent;
  readonly kafkaPartition: number;
}

export interface MemoryProducer {
  readonly producer: OutboxOptions['producer'] & { pendingBytes: number };
  /** In the order in which they were handed over. */
  readonly sent: SentEvent[];
  /** Records that `place` takes before it refuses. */
  room: number;
}

/** Stands for the batch producer: takes what there is room for, acknowledges batches at once. */
export function memoryProducer(room = Number.POSITIVE_INFINITY): MemoryProducer {
  const sent: SentEvent[] = [];
  const take = (value: Uint8Array, kafkaPartition: number) => {
    const event = decodeUsageEvent(Buffer.from(value));
    sent.push({ id: Buffer.from(event.eventId).toString('hex'), event, kafkaPartition });
  };
  const memory: MemoryProducer = {
    sent,
    room,
    producer: {
      pendingBytes: 0,
      place: ({ value }) => {
        if (memory.room <= 0) {
          return -1;
        }
        memory.room -= 1;
        take(value, 2);
        return 2;
      },
      sendBatch: async ({ kafkaPartition, records }) => {
        for (const { value } of records) {
          take(value, kafkaPartition);
        }
      },
      batchFits: (records, bytes) => records <= 100 && bytes < 100_000,
    },
  };
  return memory;
}

export function replayOptions(memory: MemoryProducer, options: Partial<ReplayOptions> = {}): ReplayOptions {
  return {
    producer: memory.producer,
    topic: 'usage-events',
    readTopic: async () => ({ id: TOPIC_ID, kafkaPartitions: 4 }),
    sourceRef: 'proxy-2/0.1.0',
    instance: 'proxy-2',
    pid: 8,
    signal: new AbortController().signal,
    logger: SILENT,
    now: () => 1_700_000_000_500,
    ...options,
  };
}

export function hex(event: Pick<UsageEvent, 'eventId'>): string {
  return Buffer.from(event.eventId).toString('hex');
}
