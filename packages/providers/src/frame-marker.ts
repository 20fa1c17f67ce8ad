import { FRAME_MARKS, findMarked, markFrame } from './frame-marks.ts';

/** Marks the events of one stream, as `markFrame` does each of them. */
export interface FrameMarker {
  mark(data: Uint8Array): number;
}

/** Shorter heads are walked as fast as compared. */
const HEAD_BYTES_MIN = 64;
/** Held per stream. */
const HEAD_BYTES_MAX = 4096;
/** Heads learned before giving up: a host may begin every event in another way. */
const HEADS_LEARNED_MAX = 8;

/**
 * A marker for a stream whose events begin alike: id, model and more stand in each before its output. The head of one
 * is remembered up to the colon of its output, and is known to mark nothing; an event that begins with the same bytes
 * is walked only from there.
 */
export function createFrameMarker(): FrameMarker {
  return new HeadMarker();
}

class HeadMarker implements FrameMarker {
  #head: Buffer | null = null;
  #learned = 0;

  mark(data: Uint8Array): number {
    const head = this.#head;
    // From the quote before the colon on: nothing before it is judged by a byte behind it.
    if (head !== null && beginsWith(data, head)) return markFrame(data, head.length - COLON_WITH_QUOTE);
    const colon = findMarked(data, ANY_MARK);
    if (colon < 0) return 0;
    if (findMarked(data, FRAME_MARKS.delta, colon - 1) === colon) this.#learn(data, colon + 1);
    return markFrame(data, colon - 1);
  }

  #learn(data: Uint8Array, bytes: number): void {
    if (bytes < HEAD_BYTES_MIN || bytes > HEAD_BYTES_MAX || this.#learned >= HEADS_LEARNED_MAX) return;
    this.#head = Buffer.from(data.subarray(0, bytes));
    this.#learned += 1;
  }
}

const COLON_WITH_QUOTE = 2;
const ANY_MARK = FRAME_MARKS.delta | FRAME_MARKS.usage | FRAME_MARKS.finish | FRAME_MARKS.error;

function beginsWith(data: Uint8Array, head: Buffer): boolean {
  const { length } = head;
  return data.length >= length && Buffer.isBuffer(data) && data.compare(head, 0, length, 0, length) === 0;
}
