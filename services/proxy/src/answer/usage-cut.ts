const LINE_FEED = 0x0a;
const RETURN = 0x0d;

/**
 * Takes single frames out of a stream and passes every other byte on. A frame that has not ended is held back, for
 * it may have to go; it is of no use to the client before its end anyway. Comments are passed on at once.
 */
export class UsageCut {
  readonly #heldBytesMax: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** The unfinished frame grew over the limit and went out: it cannot be cut any more. */
  #isReleased = false;
  #chunk: Buffer = NOTHING;
  /** Bytes of the chunk that are passed on or cut. */
  #done = 0;
  #out: Buffer[] = [];
  /** The last cut ended with CR at the end of its chunk: an LF that follows belongs to it. */
  #cutsLineFeed = false;

  constructor(heldBytesMax: number) {
    this.#heldBytesMax = heldBytesMax;
  }

  /** Begins a chunk; its frames follow, then `finish`. */
  begin(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#out = [];
    this.#done = this.#cutsLineFeed && chunk[0] === LINE_FEED ? 1 : 0;
    if (chunk.length > 0) {
      this.#cutsLineFeed = false;
    }
  }

  /** A frame of the chunk has ended, at the offsets that the scanner tells. Cuts it, or keeps it. */
  endFrame(start: number, end: number, isCut: boolean): void {
    if (start < 0 && (!isCut || this.#isReleased)) {
      this.#release();
    } else if (isCut) {
      this.#pass(start);
      this.#held = [];
      this.#heldBytes = 0;
      this.#done = end;
      this.#cutsLineFeed = end === this.#chunk.length && this.#chunk[end - 1] === RETURN;
    }
    this.#isReleased = false;
  }

  /** What of the chunk, and of what was held back before it, is to be sent now. `openFrom` is the scanner's. */
  finish(openFrom: number | null): readonly Buffer[] {
    const isOpen = openFrom !== null && !this.#isReleased;
    const holdsFrom = isOpen ? Math.max(openFrom, this.#done) : this.#chunk.length;
    this.#pass(holdsFrom);
    if (holdsFrom < this.#chunk.length) {
      this.#held.push(this.#chunk.subarray(holdsFrom));
      this.#heldBytes += this.#chunk.length - holdsFrom;
    }
    if (this.#heldBytes > this.#heldBytesMax) {
      this.#release();
      this.#isReleased = true;
    }
    return this.#out;
  }

  /** Gives up: what is held back and what is left of the chunk. */
  surrender(): readonly Buffer[] {
    this.#release();
    this.#pass(this.#chunk.length);
    const out = this.#out;
    this.begin(NOTHING);
    return out;
  }

  #release(): void {
    this.#out.push(...this.#held);
    this.#held = [];
    this.#heldBytes = 0;
  }

  #pass(to: number): void {
    if (to > this.#done) {
      const isWhole = this.#done === 0 && to === this.#chunk.length;
      this.#out.push(isWhole ? this.#chunk : this.#chunk.subarray(this.#done, to));
      this.#done = to;
    }
  }
}

const NOTHING = Buffer.alloc(0);
