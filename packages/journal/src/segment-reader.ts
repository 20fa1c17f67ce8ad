import { readSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { JournalError } from './errors.ts';
import { FRAME_BYTES_MAX, type JournalRecord, MAGIC, segmentNumber } from './journal-format.ts';
import { readFrame } from './read-frame.ts';

/** The segments of a journal, oldest first. */
export async function listSegments(path: string): Promise<{ number: number; path: string }[]> {
  const files = await readdir(path);
  return files
    .map((file) => ({ number: segmentNumber(file), path: join(path, file) }))
    .filter((file): file is { number: number; path: string } => file.number !== null)
    .sort((a, b) => a.number - b.number);
}

/**
 * Reads one segment frame by frame, in bounded memory. At its end it may be asked again: a living journal's current
 * segment grows.
 */
export class SegmentReader {
  readonly #file: FileHandle;
  /** What was read and not yet taken apart. */
  #held: Buffer = EMPTY;
  #heldFrom = 0;
  #fileOffset = 0;
  #isDamaged = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** JournalError `unknown_format` where the file is another version's. An empty file is a segment cut off at birth. */
  static async open(path: string): Promise<SegmentReader> {
    const file = await open(path, 'r');
    const reader = new SegmentReader(file);
    await reader.#fill();
    const magic = reader.#held.subarray(0, MAGIC.length);
    if (!MAGIC.subarray(0, magic.length).equals(magic)) {
      await file.close();
      const message = `${path} was not written by a version that this one can read`;
      throw new JournalError(message, { code: 'unknown_format', retryable: false });
    }
    reader.#heldFrom = magic.length;
    return reader;
  }

  /** The records of the next frame; `null`: there is none, yet or for ever. They are overwritten by no later call. */
  async next(): Promise<readonly JournalRecord[] | null> {
    let records = this.#take();
    while (records === null && !this.#isDamaged && (await this.#fill())) {
      records = this.#take();
    }
    return records;
  }

  /** The same, for what was written a moment ago, before anything else can happen. */
  nextSync(): readonly JournalRecord[] | null {
    let records = this.#take();
    while (records === null && !this.#isDamaged && this.#fillSync()) {
      records = this.#take();
    }
    return records;
  }

  /** Where the next frame begins. */
  get position(): number {
    return this.#fileOffset - this.#held.length + this.#heldFrom;
  }

  /** Bytes behind the last whole frame, once `next` has answered with `null`: a write that its process did not live to finish. */
  async tornBytes(): Promise<number> {
    const { size } = await this.#file.stat();
    return size - this.position;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** The next frame of what is held. */
  #take(): readonly JournalRecord[] | null {
    const result = readFrame(this.#held, this.#heldFrom);
    if (result.kind === 'frame') {
      this.#heldFrom = result.next;
      return result.records;
    }
    this.#isDamaged = result.kind === 'damaged';
    return null;
  }

  /** False at the end of the file. */
  async #fill(): Promise<boolean> {
    const { buffer, used } = this.#extend();
    const { bytesRead } = await this.#file.read(buffer, used, READ_BYTES, this.#fileOffset);
    return this.#hold(buffer, used, bytesRead);
  }

  #fillSync(): boolean {
    const { buffer, used } = this.#extend();
    return this.#hold(buffer, used, readSync(this.#file.fd, buffer, used, READ_BYTES, this.#fileOffset));
  }

  /** A new buffer, as records are views into the old one. */
  #extend(): { buffer: Buffer; used: number } {
    const rest = this.#held.subarray(this.#heldFrom);
    const buffer = Buffer.allocUnsafeSlow(rest.length + READ_BYTES);
    rest.copy(buffer);
    return { buffer, used: rest.length };
  }

  #hold(buffer: Buffer, used: number, bytesRead: number): boolean {
    this.#fileOffset += bytesRead;
    this.#held = buffer.subarray(0, used + bytesRead);
    this.#heldFrom = 0;
    return bytesRead > 0;
  }
}

const EMPTY = Buffer.alloc(0);
/** A frame that is larger is put together of several reads. */
const READ_BYTES = Math.min(262_144, FRAME_BYTES_MAX);
