import { readSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { JournalError } from './errors.ts';
import {
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  type JournalRecord,
  MAGIC,
  MAGIC_OF_VERSION_1,
  segmentNumber,
} from './journal-format.ts';
import { type FrameResult, readFrame } from './read-frame.ts';

/** Where a segment is. */
export interface SegmentFile {
  readonly number: number;
  readonly path: string;
}

/** The segments of a journal, oldest first. */
export async function listSegments(path: string): Promise<SegmentFile[]> {
  const files = await readdir(path);
  return files
    .map((file) => ({ number: segmentNumber(file), path: join(path, file) }))
    .filter((file): file is SegmentFile => file.number !== null)
    .sort((a, b) => a.number - b.number);
}

/**
 * Reads one segment frame by frame, in bounded memory. At its end it may be asked again: a living journal's current
 * segment grows.
 */
export class SegmentReader {
  readonly #file: FileHandle;
  /** What checksums begin with: its number, or 0 for a segment of the first version. */
  #number: number;
  /** What was read and not yet taken apart. */
  #held: Buffer = EMPTY;
  #heldFrom = 0;
  #fileOffset = 0;

  private constructor(file: FileHandle, number: number) {
    this.#file = file;
    this.#number = number;
  }

  /** JournalError `unknown_format` where the file is another version's. An empty file is a segment cut off at birth. */
  static async open({ number, path }: SegmentFile): Promise<SegmentReader> {
    const file = await open(path, 'r');
    const reader = new SegmentReader(file, number);
    await reader.#fill();
    const magic = reader.#held.subarray(0, MAGIC.length);
    if (beginsLike(magic, MAGIC_OF_VERSION_1)) {
      reader.#number = 0;
    } else if (!beginsLike(magic, MAGIC)) {
      await file.close();
      const message = `${path} was not written by a version that this one can read`;
      throw new JournalError(message, { code: 'unknown_format', retryable: false });
    }
    reader.#heldFrom = magic.length;
    return reader;
  }

  /** The records of the next frame; `null`: there is none, yet or for ever. They are overwritten by no later call. */
  async next(): Promise<readonly JournalRecord[] | null> {
    let result = this.#take();
    if (result.kind !== 'frame') {
      this.#letGo();
      do {
        if (!(await this.#fill())) {
          return null;
        }
        result = this.#take();
      } while (result.kind === 'incomplete');
    }
    return result.kind === 'frame' ? result.records : null;
  }

  /** The same, for what was written a moment ago, before anything else can happen. */
  nextSync(): readonly JournalRecord[] | null {
    let result = this.#take();
    if (result.kind !== 'frame') {
      this.#letGo();
      do {
        if (!this.#fillSync()) {
          return null;
        }
        result = this.#take();
      } while (result.kind === 'incomplete');
    }
    return result.kind === 'frame' ? result.records : null;
  }

  /** Where the next frame begins. */
  get position(): number {
    return this.#fileOffset - this.#held.length + this.#heldFrom;
  }

  /**
   * Bytes behind the last whole frame, once `next` has answered with `null`: a write that its process did not live to
   * finish. Not counted are the end of a segment and what its file was before.
   */
  async tornBytes(): Promise<number> {
    const { size } = await this.#file.stat();
    const rest = size - this.position;
    if (this.#number === 0) {
      return rest;
    }
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    await this.#file.read(header, 0, FRAME_HEADER_BYTES, this.position);
    if (header.every((byte) => byte === 0)) {
      return 0;
    }
    const length = header.readUInt32LE(0);
    return length === 0 || length > FRAME_BYTES_MAX ? rest : Math.min(rest, FRAME_HEADER_BYTES + length);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** The next frame of what is held. */
  #take(): FrameResult {
    const result = readFrame(this.#held, this.#heldFrom, this.#number);
    if (result.kind === 'frame') {
      this.#heldFrom = result.next;
    }
    return result;
  }

  /** What is held and is no frame may have been written over since it was read. */
  #letGo(): void {
    this.#fileOffset = this.position;
    this.#held = EMPTY;
    this.#heldFrom = 0;
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

/** Whether these are the first bytes of a magic number, or all. */
function beginsLike(bytes: Buffer, magic: Buffer): boolean {
  return magic.subarray(0, bytes.length).equals(bytes);
}
