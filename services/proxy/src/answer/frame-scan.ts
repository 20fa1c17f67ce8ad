/**
 * Finds server-sent events in a stream of bytes, however it is cut into chunks, and says where each stands in the
 * chunk at hand. Bytes are only looked at: what is not an event's data is neither decoded nor copied.
 */

/** Told of each event of a stream, in order. */
export interface FrameSink {
  /**
   * An event has ended. `data` is its payload (`data:` lines joined by a line feed), valid only during the call;
   * `null`: it had none, or was over the limit. `start` is the offset in the current chunk of its first line that
   * is no comment, or -1 when it began in an earlier chunk; `end` is one behind the blank line that ends it.
   */
  onFrame(data: Buffer | null, start: number, end: number): void;
}

/** Where a frame stands that has not ended: in an earlier chunk, or nowhere because none has begun. */
const EARLIER = -1;
const NONE = -2;

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DATA = Buffer.from('data');
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export interface FrameScannerOptions {
  readonly sink: FrameSink;
  /** A frame over this many bytes is passed over: its payload is dropped, and it counts as oversized. */
  readonly frameBytesMax: number;
}

export class FrameScanner {
  /** Frames over `frameBytesMax` so far. */
  oversized = 0;

  readonly #sink: FrameSink;
  readonly #frameBytesMax: number;
  /** Parts of a line that has not ended; empty when the last chunk ended with one. */
  #line: Buffer[] = [];
  #lineBytes = 0;
  /** Payload of the current frame's finished `data:` lines. */
  #data: Buffer[] = [];
  #frameBytes = 0;
  #frameIsOversized = false;
  #frameStart = NONE;
  /** The last chunk ended with CR, so an LF now belongs to it. */
  #skipsLineFeed = false;
  #isFirstLine = true;

  constructor({ sink, frameBytesMax }: FrameScannerOptions) {
    this.#sink = sink;
    this.#frameBytesMax = frameBytesMax;
  }

  /** Where the unfinished frame begins in the last chunk; -1: in an earlier one; `null`: none has begun. */
  get openFrom(): number | null {
    return this.#frameStart === NONE ? null : this.#frameStart;
  }

  push(chunk: Buffer): void {
    if (this.#frameStart !== NONE) {
      this.#frameStart = EARLIER;
    }
    let at = this.#skipsLineFeed && chunk[0] === LINE_FEED ? 1 : 0;
    if (chunk.length > 0) {
      this.#skipsLineFeed = false;
    }
    let nextReturn = chunk.indexOf(RETURN, at);
    while (at < chunk.length) {
      if (nextReturn >= 0 && nextReturn < at) {
        nextReturn = chunk.indexOf(RETURN, at);
      }
      const lineFeed = chunk.indexOf(LINE_FEED, at);
      const end = lineFeed < 0 || (nextReturn >= 0 && nextReturn < lineFeed) ? nextReturn : lineFeed;
      if (end < 0) {
        this.#carry(chunk, at);
        return;
      }
      const next = this.#behindLineEnd(chunk, end);
      this.#endLine(chunk, at, { end, next });
      at = next;
    }
  }

  /** The stream has ended. An event that no blank line ended is told too: providers forget the last one. */
  end(): void {
    if (this.#lineBytes > 0) {
      this.#endLine(NOTHING, 0, { end: 0, next: 0 });
    }
    if (this.#frameStart !== NONE) {
      this.#frameStart = EARLIER;
      this.#endFrame(0);
    }
  }

  #behindLineEnd(chunk: Buffer, end: number): number {
    if (chunk[end] !== RETURN) {
      return end + 1;
    }
    this.#skipsLineFeed = end + 1 === chunk.length;
    return chunk[end + 1] === LINE_FEED ? end + 2 : end + 1;
  }

  #carry(chunk: Buffer, from: number): void {
    if (this.#lineBytes === 0 && chunk[from] !== COLON && this.#frameStart === NONE) {
      this.#frameStart = from;
    }
    this.#lineBytes += chunk.length - from;
    if (this.#frameBytes + this.#lineBytes > this.#frameBytesMax) {
      this.#dropFrame();
    }
    if (!this.#frameIsOversized) {
      this.#line.push(chunk.subarray(from));
    }
  }

  #endLine(chunk: Buffer, start: number, { end, next }: { end: number; next: number }): void {
    const bytes = this.#lineBytes + end - start;
    if (bytes === 0) {
      this.#isFirstLine = false;
      if (this.#frameStart !== NONE) {
        this.#endFrame(next);
      }
      return;
    }
    this.#frameBytes += bytes;
    if (this.#frameBytes > this.#frameBytesMax) {
      this.#dropFrame();
    }
    const isCarried = this.#lineBytes > 0;
    if (!isCarried && chunk[start] !== COLON && this.#frameStart === NONE) {
      this.#frameStart = start;
    }
    if (!this.#frameIsOversized) {
      if (isCarried) {
        const line = Buffer.concat([...this.#line, chunk.subarray(start, end)]);
        this.#readLine(line, 0, line.length);
      } else {
        this.#readLine(chunk, start, end);
      }
    }
    this.#line = [];
    this.#lineBytes = 0;
  }

  #readLine(bytes: Buffer, start: number, end: number): void {
    const at = this.#isFirstLine && startsWith(bytes, start, BYTE_ORDER_MARK) ? start + 3 : start;
    this.#isFirstLine = false;
    const behind = at + DATA.length;
    if (behind > end || !startsWith(bytes, at, DATA)) {
      return;
    }
    if (behind === end) {
      this.#data.push(NOTHING);
    } else if (bytes[behind] === COLON) {
      const value = behind + (behind + 1 < end && bytes[behind + 1] === SPACE ? 2 : 1);
      this.#data.push(bytes.subarray(value, end));
    }
  }

  #endFrame(end: number): void {
    const start = this.#frameStart;
    const data = this.#data;
    this.#frameStart = NONE;
    this.#frameBytes = 0;
    this.#frameIsOversized = false;
    if (data.length === 0) {
      this.#sink.onFrame(null, start, end);
      return;
    }
    this.#data = [];
    this.#sink.onFrame(data.length === 1 ? (data[0] ?? NOTHING) : joinLines(data), start, end);
  }

  #dropFrame(): void {
    if (!this.#frameIsOversized) {
      this.oversized++;
    }
    this.#frameIsOversized = true;
    this.#line = [];
    this.#data = [];
  }
}

const NOTHING = Buffer.alloc(0);

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  for (let index = 0; index < prefix.length; index++) {
    if (bytes[at + index] !== prefix[index]) {
      return false;
    }
  }
  return true;
}

function joinLines(lines: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  for (const line of lines) {
    parts.push(line, NEW_LINE);
  }
  parts.pop();
  return Buffer.concat(parts);
}

const NEW_LINE = Buffer.from('\n');
