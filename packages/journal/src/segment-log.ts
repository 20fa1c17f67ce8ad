import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameWriter } from './frame-writer.ts';
import { MAGIC, type OpenedFacts, segmentFile } from './journal-format.ts';

/** One file of a journal, and what of it is still wanted. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  bytes: number;
  /** Attempts whose latest note stands here and that have not ended. */
  openNotes: number;
  /** Ordinals of the events built here, half-open; none where they are equal. */
  firstOrdinal: number;
  nextOrdinal: number;
  /** How many of these Kafka has acknowledged. */
  settled: number;
}

export interface SegmentLogOptions {
  /** Of the journal; it exists and is locked. */
  readonly folder: string;
  /** The number of the first segment that is written. */
  readonly firstNumber: number;
  readonly opened: Omit<OpenedFacts, 'openedAt'>;
  /** Segments are ended at this size, */
  readonly segmentBytesMax: number;
  /** Ended segments and their folder are flushed to the disk before the next one is begun. */
  readonly syncs: boolean;
  readonly now: () => number;
}

/**
 * The files that a journal is written to, one after the other. Writing is synchronous: when `write` returns, the frame
 * is with the kernel and survives this process.
 */
export class SegmentLog {
  readonly #options: SegmentLogOptions;
  /** Oldest first. */
  readonly segments: Segment[] = [];
  #descriptor = -1;
  #bytes = 0;

  constructor(options: SegmentLogOptions) {
    this.#options = options;
  }

  /** Of all segments that this log has written and not removed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where records go that are appended now. */
  get current(): Segment | undefined {
    return this.segments.at(-1);
  }

  /** For `fdatasync`; −1 before the first write. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /** Begins the first segment, or the next one where the current has its size. */
  prepare(frame: FrameWriter): Segment {
    const { current } = this;
    if (current !== undefined && current.bytes < this.#options.segmentBytesMax) {
      return current;
    }
    return this.#begin(frame);
  }

  /** Throws what the file system throws; the file then ends where it ended before. */
  write(frame: Buffer): void {
    const { current } = this;
    if (current === undefined) {
      throw new RangeError('nothing is written before a segment is begun');
    }
    try {
      writeWhole(this.#descriptor, frame);
    } catch (error) {
      ftruncateSync(this.#descriptor, current.bytes);
      throw error;
    }
    current.bytes += frame.length;
    this.#bytes += frame.length;
  }

  /** Removes settled segments from the oldest on, as a settle record may speak for older segments than its own. */
  removeSettled(): void {
    for (let oldest = this.segments[0]; oldest !== undefined; oldest = this.segments[0]) {
      if (oldest === this.current || !isSettled(oldest)) {
        return;
      }
      unlinkSync(oldest.path);
      this.#bytes -= oldest.bytes;
      this.segments.shift();
    }
  }

  close(): void {
    if (this.#descriptor >= 0) {
      closeSync(this.#descriptor);
      this.#descriptor = -1;
    }
  }

  #begin(frame: FrameWriter): Segment {
    const { folder, firstNumber, opened, syncs, now } = this.#options;
    const last = this.current;
    const number = last === undefined ? firstNumber : last.number + 1;
    const path = join(folder, segmentFile(number));
    const descriptor = openSync(path, 'ax');
    try {
      writeWhole(descriptor, MAGIC);
    } catch (error) {
      closeSync(descriptor);
      unlinkSync(path);
      throw error;
    }
    if (syncs) {
      this.#syncBefore(folder);
    }
    this.close();
    this.#descriptor = descriptor;
    const firstOrdinal = last?.nextOrdinal ?? 0;
    const segment = {
      number,
      path,
      bytes: MAGIC.length,
      openNotes: 0,
      firstOrdinal,
      nextOrdinal: firstOrdinal,
      settled: 0,
    };
    this.segments.push(segment);
    this.#bytes += MAGIC.length;
    frame.opened({ ...opened, openedAt: now() });
    return segment;
  }

  #syncBefore(folder: string): void {
    if (this.#descriptor >= 0) {
      fdatasyncSync(this.#descriptor);
    }
    const directory = openSync(folder, 'r');
    fsyncSync(directory);
    closeSync(directory);
  }
}

function isSettled({ openNotes, firstOrdinal, nextOrdinal, settled }: Segment): boolean {
  return openNotes === 0 && settled === nextOrdinal - firstOrdinal;
}

function writeWhole(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSync(descriptor, bytes, written);
  }
}
