import { decodeUsageEvent, EventDecodeError } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import { type BuiltRecord, RunCutter } from './built-runs.ts';
import { DeadJournal } from './dead-journal.ts';
import { JournalError } from './errors.ts';
import type { OrdinalSet } from './ordinal-set.ts';
import { type RunProducer, RunSender } from './run-sender.ts';
import type { JournalScan } from './scan-journal.ts';
import { listSegments, SegmentReader } from './segment-reader.ts';
import { TurnPartitions } from './turn-partitions.ts';

export interface ReplayOptions {
  readonly producer: RunProducer;
  /** Of the topic. */
  readonly kafkaPartitions: number;
  readonly topic: string;
  readonly stream: number;
  /** Who writes the orphans, and stands on them: instance and version. */
  readonly sourceRef: string;
  readonly instance: string;
  readonly pid: number;
  /** @default 8 MB */
  readonly replayPendingBytesMax?: number;
  /** @default 16 MB: two thirds of what a busy proxy sends by itself are left to it */
  readonly replayBytesPerSecond?: number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Replayed {
  /** Events that the dead process had built and Kafka had not acknowledged to it. */
  readonly events: number;
  /** Attempts that it had noted and not ended. */
  readonly orphans: number;
  readonly tornBytes: number;
}

/**
 * Sends what a dead process left in its journal, under the journal's lock, and removes the journal. Events go to the
 * Kafka partition they had, under the ids they had. An attempt without an event becomes an orphan: that event is
 * appended, with its Kafka partition, before anything is sent, so that the next heir sends the same. JournalError
 * `unknown_format` or `other_topic`: nothing was sent. Rejects when the signal aborts; the rest is left for the next.
 */
export async function replayJournal(
  { path, scan }: { readonly path: string; readonly scan: JournalScan },
  options: ReplayOptions,
): Promise<Replayed> {
  const { producer, logger, signal } = options;
  checkTopic(path, scan, options);
  const journal = new DeadJournal({ ...options, path, scan });
  try {
    const orphans = toOrphans(path, scan, options);
    journal.appendOrphans(orphans, new TurnPartitions(options.kafkaPartitions));
    const sender = new RunSender({
      producer,
      pendingBytesMax: options.replayPendingBytesMax ?? PENDING_BYTES_MAX,
      bytesPerSecond: options.replayBytesPerSecond ?? BYTES_PER_SECOND,
      settle: (range) => journal.settle(range),
      signal,
    });
    const total = scan.unsettled + orphans.length;
    const facts = {
      journal: path,
      events: scan.unsettled,
      orphans: orphans.length,
      tornBytes: scan.tornBytes,
    };
    if (total > 0) {
      logger.info(facts, 'replaying a journal');
    }
    const progress = setInterval(() => {
      logger.info(
        { ...facts, sent: sender.sent, acknowledged: sender.acknowledged, total },
        'still replaying',
      );
    }, PROGRESS_MS).unref();
    try {
      await sendUnsettled(path, scan, { producer, sender });
      await sender.idle();
    } finally {
      clearInterval(progress);
    }
    return { events: scan.unsettled, orphans: orphans.length, tornBytes: scan.tornBytes };
  } finally {
    journal.close();
  }
}

const PENDING_BYTES_MAX = 8_388_608;
const BYTES_PER_SECOND = 16_777_216;
const PROGRESS_MS = 5_000;

function checkTopic(path: string, { opened }: JournalScan, { topic, stream }: ReplayOptions): void {
  if (opened !== null && (opened.topic !== topic || opened.stream !== stream)) {
    const message = `${path} belongs to ${opened.topic}, stream ${opened.stream}, not to ${topic}, stream ${stream}`;
    throw new JournalError(message, { code: 'other_topic', retryable: false });
  }
}

function toOrphans(
  path: string,
  { openNotes }: JournalScan,
  { sourceRef, now }: ReplayOptions,
): UsageEvent[] {
  return Array.from(openNotes.values(), (note) => {
    try {
      return { ...decodeUsageEvent(note), sourceRef, ingestedAt: now() };
    } catch (error) {
      if (error instanceof EventDecodeError) {
        const message = `${path} has a note that this version cannot read`;
        throw new JournalError(message, { code: 'unknown_format', retryable: false, cause: error });
      }
      throw error;
    }
  });
}

async function sendUnsettled(
  path: string,
  { settled }: JournalScan,
  { producer, sender }: { readonly producer: RunProducer; readonly sender: RunSender },
): Promise<void> {
  const cutter = new RunCutter({ fits: (records, bytes) => producer.batchFits(records, bytes) });
  for await (const record of readUnsettled(path, settled)) {
    const run = cutter.push(record);
    if (run !== null) {
      await sender.send(run);
    }
  }
  const last = cutter.take();
  if (last !== null) {
    await sender.send(last);
  }
}

async function* readUnsettled(path: string, settled: OrdinalSet): AsyncGenerator<BuiltRecord> {
  for (const segment of await listSegments(path)) {
    const reader = await SegmentReader.open(segment.path);
    try {
      for (let records = await reader.next(); records !== null; records = await reader.next()) {
        yield* records.filter(
          (record): record is BuiltRecord => record.type === 'built' && !settled.has(record.ordinal),
        );
      }
    } finally {
      await reader.close();
    }
  }
}
