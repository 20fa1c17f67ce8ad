import { encodeUsageEvent } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';
import { builtBytes, FrameWriter } from './frame-writer.ts';
import { FRAME_BYTES_MAX } from './journal-format.ts';
import type { JournalScan } from './scan-journal.ts';
import { SegmentLog } from './segment-log.ts';
import type { TurnPartitions } from './turn-partitions.ts';

export interface DeadJournalOptions {
  readonly path: string;
  readonly scan: JournalScan;
  readonly topic: string;
  /** Which the topic is now, by its id on Kafka. */
  readonly topicId: string;
  readonly instance: string;
  readonly pid: number;
  readonly now: () => number;
}

/** The journal of a dead process, to which its heir adds in a segment of its own. The caller has its lock. */
export class DeadJournal {
  readonly #log: SegmentLog;
  readonly #frame = new FrameWriter(FRAME_BYTES_MAX);
  readonly #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #nextOrdinal: number;

  constructor({ path, scan, topic, topicId, instance, pid, now }: DeadJournalOptions) {
    this.#nextOrdinal = scan.nextOrdinal;
    this.#log = new SegmentLog({
      folder: path,
      firstNumber: scan.lastSegment + 1,
      opened: { instance, pid, topic, topicId },
      segmentBytesMax: Number.POSITIVE_INFINITY,
      syncs: false,
      now,
    });
  }

  /** Appends an event for each attempt that has none, in the order in which they were noted. */
  appendOrphans(orphans: readonly UsageEvent[], turns: TurnPartitions): void {
    for (const event of orphans) {
      const end = encodeUsageEvent(event, this.#slab, 0);
      if (end < 0) {
        throw new RangeError(`an event takes more than ${SLAB_BYTES} bytes`);
      }
      const value = this.#slab.subarray(0, end);
      const kafkaPartition = turns.next(value.length);
      const built = { ordinal: this.#nextOrdinal, kafkaPartition, key: event.operationId, value };
      this.#nextOrdinal += 1;
      if (!this.#frame.fits(builtBytes(built))) {
        this.#write();
      }
      this.#prepare();
      this.#frame.built(event.eventId, built);
    }
    this.#write();
  }

  settle(range: { readonly first: number; readonly next: number }): void {
    this.#prepare();
    this.#frame.settled(range);
    this.#write();
  }

  close(): void {
    this.#log.close();
  }

  #prepare(): void {
    if (this.#frame.isEmpty) {
      this.#log.prepare(this.#frame);
    }
  }

  #write(): void {
    if (!this.#frame.isEmpty) {
      this.#log.write(this.#frame);
      this.#frame.clear();
    }
  }
}

const SLAB_BYTES = 65_536;
