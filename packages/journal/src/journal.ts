import type { UsageEvent } from '@meterstone/metering';
import { builtBytes, FrameWriter } from './frame-writer.ts';
import { removeJournal } from './journal-folder.ts';
import { FRAME_BYTES_MAX, ID_BYTES, RECORD_HEADER_BYTES } from './journal-format.ts';
import type { JournalLock } from './journal-lock.ts';
import type {
  EventsOfAttempt,
  JournalEntry,
  JournalLeft,
  JournalOptions,
  JournalStats,
} from './journal-options.ts';
import { type Segment, SegmentLog } from './segment-log.ts';
import { SyncGroup } from './sync-group.ts';
import { UnsettledAge } from './unsettled-age.ts';

/**
 * The journal of a living process: what it must not forget while Kafka does not have it. Records of one turn of the
 * event loop are written together when the turn ends, or earlier by `commit`.
 */
export class Journal {
  readonly path: string;
  readonly stats: { -readonly [K in keyof JournalStats]: JournalStats[K] } = {
    unnoted: 0,
    unkept: 0,
    failedWrites: 0,
  };
  readonly #options: JournalOptions;
  readonly #lock: JournalLock;
  readonly #log: SegmentLog;
  readonly #frame = new FrameWriter(FRAME_BYTES_MAX);
  /** In no order: an entry that ends is replaced by the last. */
  readonly #open: OpenEntry[] = [];
  #waiting: (() => void)[] = [];
  /** `null`: nothing is flushed. */
  readonly #sync: SyncGroup | null;
  #turn: NodeJS.Immediate | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #isFailing = false;
  #wasFull = false;
  #nextOrdinal = 0;
  readonly #age = new UnsettledAge();
  /** What was left when it was closed. */
  #left: JournalLeft | null = null;

  constructor(
    options: JournalOptions,
    { path, lock }: { readonly path: string; readonly lock: JournalLock },
  ) {
    const { instance, pid, topic, topicId, fsyncMs, now, segmentBytesMax = SEGMENT_BYTES_MAX } = options;
    this.#options = options;
    this.#lock = lock;
    this.path = path;
    this.#log = new SegmentLog({
      folder: path,
      firstNumber: 1,
      opened: { instance, pid, topic, topicId },
      segmentBytesMax,
      syncs: fsyncMs > 0,
      now,
    });
    this.#sync =
      fsyncMs === 0
        ? null
        : new SyncGroup({
            waitMs: fsyncMs,
            descriptor: () => this.#log.descriptor,
            onError: this.#onFailedWrite,
          });
    // A folder that cannot be written to is found now, not at the first request.
    this.#log.prepare(this.#frame);
    this.#log.write(this.#frame);
    this.#frame.clear();
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  get segments(): readonly Readonly<Segment>[] {
    return this.#log.segments;
  }

  /** The ordinal of the event that is built next. */
  get nextOrdinal(): number {
    return this.#nextOrdinal;
  }

  /** Attempts noted that have not ended. */
  get openNotes(): number {
    return this.#open.length;
  }

  /** When the attempt began that is open for longest, epoch milliseconds; `null`: none is. */
  get oldestOpenAt(): number | null {
    const oldest = this.#open.reduce((least, { startedAt }) => Math.min(least, startedAt), Infinity);
    return oldest === Infinity ? null : oldest;
  }

  /** When the event was built that Kafka has not acknowledged for longest, to a second, epoch milliseconds; `null`: none. */
  get oldestUnsettledAt(): number | null {
    return this.#age.oldestAt(this.#nextOrdinal);
  }

  /** New attempts are not noted: the limit is reached, or the disk does not take what is written. */
  get isFull(): boolean {
    const { logger, bytesMax } = this.#options;
    const bytes = this.#log.bytes + this.#frame.bytes + this.#open.length * CLOSING_BYTES;
    const isFull = this.#isFailing || bytes >= (this.#wasFull ? bytesMax * FULL_UNTIL : bytesMax);
    if (isFull !== this.#wasFull) {
      this.#wasFull = isFull;
      const facts = { bytes, bytesMax, writeFails: this.#isFailing };
      logger.warn(facts, isFull ? 'journal is full' : 'journal takes notes again');
    }
    return isFull;
  }

  /**
   * Notes an attempt by the event that stands for it if this process dies. `null`: not kept, and counted. Throws what
   * encoding the event throws.
   */
  note(event: UsageEvent): JournalEntry | null {
    if (this.isFull || !this.#writeNote(event)) {
      this.stats.unnoted += 1;
      return null;
    }
    const segment = this.#current();
    const { eventId, occurredAt } = event;
    const entry = { eventId, startedAt: occurredAt, segment, index: this.#open.length };
    segment.openNotes += 1;
    this.#open.push(entry);
    return entry;
  }

  /** Replaces the note of an open attempt by one that knows more; its old segment is then not kept for it. */
  renew(entry: JournalEntry, event: UsageEvent): void {
    const open = entry as OpenEntry; // Every entry comes from `note`.
    if (open.index < 0 || this.isFull || !this.#writeNote(event)) {
      return;
    }
    open.segment.openNotes -= 1;
    open.segment = this.#current();
    open.segment.openNotes += 1;
  }

  /** Nothing of the attempt went upstream. */
  drop(entry: JournalEntry): void {
    this.#reserve(RECORD_HEADER_BYTES + ID_BYTES);
    this.#frame.dropped(entry.eventId);
    this.#end(entry);
  }

  /** Whether `append` will keep events of this attempt; those of an unnoted one are kept only where there is room. */
  keeps(entry: JournalEntry | null): boolean {
    return entry === null ? !this.isFull : !this.#isFailing;
  }

  /**
   * Appends all events of an attempt that has ended, with the ordinals from `nextOrdinal` on, in one frame. Where
   * they cannot be kept the attempt is ended without them: they are in the producer's memory only, and counted.
   */
  append(entry: JournalEntry | null, { eventId, events }: EventsOfAttempt): void {
    const bytes = events.reduce((sum, event) => sum + builtBytes(event), 0);
    if (!this.keeps(entry) || bytes > FRAME_ROOM_BYTES) {
      this.stats.unkept += events.length;
      this.#nextOrdinal += events.length;
      if (entry !== null) {
        this.drop(entry);
      }
      return;
    }
    this.#reserve(bytes);
    this.#age.build(this.#nextOrdinal, this.#options.now());
    const segment = this.#current();
    for (const event of events) {
      this.#frame.built(eventId, event);
      if (segment.firstOrdinal === segment.nextOrdinal) {
        segment.firstOrdinal = event.ordinal;
      }
      segment.nextOrdinal = event.ordinal + 1;
      this.#nextOrdinal = event.ordinal + 1;
    }
    if (entry !== null) {
      this.#end(entry);
    }
  }

  /** Kafka has acknowledged these. */
  settle({ first, next }: { readonly first: number; readonly next: number }): void {
    this.#reserve(SETTLED_BYTES);
    this.#frame.settled({ first, next });
    this.#age.settle(first, next);
    for (const segment of this.#log.segments) {
      const overlap = Math.min(next, segment.nextOrdinal) - Math.max(first, segment.firstOrdinal);
      segment.settled += Math.max(0, overlap);
    }
  }

  /**
   * Calls back when what is appended so far is written, and flushed where that is asked for. Where it cannot be
   * written it calls back too: nothing waits for a broken disk, and `isFull` says so.
   */
  whenWritten(callback: () => void): void {
    this.#waiting.push(callback);
    this.#schedule();
  }

  /** Writes what is appended so far. False: the disk did not take it, which is tried again. */
  write(): boolean {
    this.#write();
    return this.#frame.isEmpty;
  }

  /** Resolves when what is appended so far is written, and flushed where that is asked for. */
  written(): Promise<void> | undefined {
    this.#write();
    const sync = this.#sync;
    return sync === null ? undefined : new Promise((resolve) => sync.wait([resolve]));
  }

  /** Writes what is appended so far, and lets those go on that wait for it. */
  commit(): void {
    if (this.#turn !== null) {
      clearImmediate(this.#turn);
      this.#turn = null;
    }
    this.#write();
    const waiting = this.#waiting;
    if (waiting.length === 0) {
      return;
    }
    this.#waiting = [];
    if (this.#sync !== null && !this.#isFailing) {
      this.#sync.wait(waiting);
      return;
    }
    for (const callback of waiting) {
      callback();
    }
  }

  /** Ends the journal. What is not settled stays on disk for the next process. */
  close(): JournalLeft {
    if (this.#left !== null) {
      return this.#left;
    }
    this.commit();
    this.#sync?.close();
    if (this.#retryTimer !== null) {
      clearTimeout(this.#retryTimer);
    }
    const unsettled = this.#log.segments.reduce(
      (sum, { firstOrdinal, nextOrdinal, settled }) => sum + nextOrdinal - firstOrdinal - settled,
      0,
    );
    this.#log.close();
    if (unsettled === 0 && this.#open.length === 0 && this.#frame.isEmpty) {
      removeJournal(this.path);
    }
    this.#lock.release();
    this.#left = { openNotes: this.#open.length, unsettled };
    return this.#left;
  }

  #current(): Segment {
    const { current } = this.#log;
    if (current === undefined) {
      throw new RangeError('an open journal has a segment');
    }
    return current;
  }

  #writeNote(event: UsageEvent): boolean {
    this.#reserve(NOTE_ROOM_BYTES);
    return this.#frame.noted(event);
  }

  #end(entry: JournalEntry): void {
    const open = entry as OpenEntry; // Every entry comes from `note`.
    const last = this.#open.pop();
    if (last !== undefined && last !== open) {
      this.#open[open.index] = last;
      last.index = open.index;
    }
    open.index = -1;
    open.segment.openNotes -= 1;
  }

  /** Makes room in the frame, and an appointment to write it. */
  #reserve(bytes: number): void {
    if (!this.#frame.fits(bytes)) {
      this.#write();
      if (!this.#frame.isEmpty) {
        // The disk takes nothing and the frame is full: notes of attempts, their ends and acknowledgements are lost
        // here, which a crash would show as orphans and second copies; the events themselves are with the producer.
        this.#frame.clear();
      }
    }
    if (this.#frame.isEmpty) {
      this.#prepare();
    }
    this.#schedule();
  }

  #prepare(): void {
    try {
      this.#log.prepare(this.#frame);
    } catch (error) {
      // The current segment takes what there is, beyond its size.
      this.#onFailedWrite(error);
    }
  }

  #schedule(): void {
    this.#turn ??= setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#turn = null;
    this.commit();
  };

  #write(): void {
    if (this.#frame.isEmpty || this.#left !== null) {
      return;
    }
    try {
      this.#log.write(this.#frame);
    } catch (error) {
      this.#onFailedWrite(error);
      return;
    }
    this.#frame.clear();
    this.#isFailing = false;
    this.#log.removeSettled();
  }

  readonly #onFailedWrite = (error: unknown): void => {
    this.stats.failedWrites += 1;
    if (!this.#isFailing) {
      this.#options.logger.error({ err: error, path: this.path }, 'journal could not be written');
    }
    this.#isFailing = true;
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = null;
      this.#write();
    }, WRITE_RETRY_MS).unref();
  };
}

interface OpenEntry extends JournalEntry {
  segment: Segment;
  /** In the list of open entries; −1: ended. */
  index: number;
}

const SEGMENT_BYTES_MAX = 2_097_152;
/** What an open attempt may still need to end; kept free below the limit. */
const CLOSING_BYTES = 2_048;
/** Of the limit: a full journal takes notes again below it, so that it does not change its mind at each request. */
const FULL_UNTIL = 0.9;
/** More than the largest event takes. */
const NOTE_ROOM_BYTES = 65_536;
const FRAME_ROOM_BYTES = FRAME_BYTES_MAX - NOTE_ROOM_BYTES;
const SETTLED_BYTES = 32;
const WRITE_RETRY_MS = 1_000;
