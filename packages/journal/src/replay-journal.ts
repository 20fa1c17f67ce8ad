import { EventDecodeError } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import { type BuiltRecord, RunCutter } from './built-runs.ts';
import { DeadJournal } from './dead-journal.ts';
import { JournalError } from './errors.ts';
import type { OrdinalSet } from './ordinal-set.ts';
import { readNote } from './read-note.ts';
import { type RunProducer, RunSender } from './run-sender.ts';
import type { JournalScan } from './scan-journal.ts';
import { listSegments, SegmentReader } from './segment-reader.ts';
import type { TopicNow } from './topic-now.ts';
import { TurnPartitions } from './turn-partitions.ts';

export interface ReplayOptions {
  readonly producer: RunProducer;
  readonly topic: string;
  /** Asked once there is a journal to replay, and before anything of it is sent. */
  readonly readTopic: () => Promise<TopicNow>;
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
  /** Events sent to another Kafka partition than they were meant for, which the topic no longer has. */
  readonly moved: number;
  readonly tornBytes: number;
}

/** What is replayed: a journal whose lock the caller has, to a topic as it is now. */
export interface Replay {
  readonly path: string;
  readonly scan: JournalScan;
  readonly topicNow: TopicNow;
}

/**
 * Sends what a dead process left in its journal, under the journal's lock. Events go to the Kafka partition they had,
 * under the ids they had, since a copy may stand there. The topic may have been deleted and made again meanwhile: what
 * Kafka had not acknowledged is then on the new one as little as on the old one, and goes there all the same; a copy of
 * what was stored from the old one is found in ClickHouse, which holds rows of earlier streams against it whatever their
 * Kafka partition. An attempt without an event becomes an orphan: that event is appended, with its Kafka partition, before
 * anything is sent, so that the next heir sends the same. JournalError `unknown_format` or `other_topic`: nothing was
 * sent. Rejects when the signal aborts; the rest is left for the next.
 */
export async function replayJournal(replay: Replay, options: ReplayOptions): Promise<Replayed> {
  const { path, scan, topicNow } = replay;
  const { producer, logger, signal } = options;
  checkTopic(path, scan, options);
  const journal = new DeadJournal({ ...options, path, scan, topicId: topicNow.id });
  try {
    const orphans = toOrphans(path, scan, options);
    journal.appendOrphans(orphans, new TurnPartitions(topicNow.kafkaPartitions));
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
      isOtherIncarnation: isOtherIncarnation(scan, topicNow),
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
      const moved = await sendUnsettled(replay, producer, sender);
      await sender.idle();
      return { events: scan.unsettled, orphans: orphans.length, moved, tornBytes: scan.tornBytes };
    } finally {
      clearInterval(progress);
    }
  } finally {
    journal.close();
  }
}

const PENDING_BYTES_MAX = 8_388_608;
const BYTES_PER_SECOND = 16_777_216;
const PROGRESS_MS = 5_000;

function checkTopic(path: string, { opened }: JournalScan, { topic }: ReplayOptions): void {
  if (opened !== null && opened.topic !== topic) {
    const message = `${path} belongs to ${opened.topic}, not to ${topic}`;
    throw new JournalError(message, { code: 'other_topic', retryable: false });
  }
}

/** `null`: the journal does not say. */
function isOtherIncarnation({ opened }: JournalScan, { id }: TopicNow): boolean | null {
  return typeof opened?.topicId === 'string' ? opened.topicId !== id : null;
}

function toOrphans(
  path: string,
  { openNotes }: JournalScan,
  { sourceRef, now }: ReplayOptions,
): UsageEvent[] {
  return Array.from(openNotes.values(), (note) => {
    try {
      return readNote(note, { sourceRef, ingestedAt: now() });
    } catch (error) {
      if (error instanceof EventDecodeError) {
        const message = `${path} has a note that this version cannot read`;
        throw new JournalError(message, { code: 'unknown_format', retryable: false, cause: error });
      }
      throw error;
    }
  });
}

/** Resolves with how many events went elsewhere. */
async function sendUnsettled(
  { path, scan, topicNow }: Replay,
  producer: RunProducer,
  sender: RunSender,
): Promise<number> {
  let moved = 0;
  const cutter = new RunCutter({ fits: (records, bytes) => producer.batchFits(records, bytes) });
  for await (const record of readUnsettled(path, scan.settled)) {
    // A topic never loses Kafka partitions while it lives, so no copy stands in one that it does not have. Every heir
    // finds the same other one, unless the topic has been made yet again.
    const kafkaPartition = record.kafkaPartition % topicNow.kafkaPartitions;
    moved += kafkaPartition === record.kafkaPartition ? 0 : 1;
    const run = cutter.push({ ...record, kafkaPartition });
    if (run !== null) {
      await sender.send(run);
    }
  }
  const last = cutter.take();
  if (last !== null) {
    await sender.send(last);
  }
  return moved;
}

async function* readUnsettled(path: string, settled: OrdinalSet): AsyncGenerator<BuiltRecord> {
  for (const segment of await listSegments(path)) {
    const reader = await SegmentReader.open(segment);
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
