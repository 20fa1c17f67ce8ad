/** Told what stands in the bytes of one side of a connection. */
export interface MessageListener {
  /** A whole head. Says how long the body is; `chunked` is read from the head itself. */
  onHead(head: string): void;
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

type State = 'head' | 'length' | 'chunk_size' | 'chunk' | 'trailer';

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

/**
 * Reads HTTP/1.1 messages one after the other off a connection, as little of it as a mock and a load generator need:
 * a body has a length or is chunked, and everything comes well formed. A tenth of what `node:http` costs, so that the
 * proxy between them is the slowest of the three.
 */
export class HttpReader {
  readonly #listener: MessageListener;
  #state: State = 'head';
  #held: Buffer | null = null;
  /** Of the body, or of the chunk with its line end. */
  #bytesLeft = 0;

  constructor(listener: MessageListener) {
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    let bytes = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = null;
    while (bytes.length > 0) {
      const rest = this.#step(bytes);
      if (rest === null) {
        this.#held = bytes;
        return;
      }
      bytes = rest;
    }
  }

  /** Takes one part and gives what follows; `null` = it is not all there. */
  #step(bytes: Buffer): Buffer | null {
    switch (this.#state) {
      case 'head':
        return this.#takeHead(bytes);
      case 'length':
        return this.#takeBody(bytes);
      case 'chunk_size':
        return this.#takeChunkSize(bytes);
      case 'chunk':
        return this.#takeChunk(bytes);
      case 'trailer':
        return this.#takeTrailer(bytes);
    }
  }

  #takeHead(bytes: Buffer): Buffer | null {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return null;
    const head = bytes.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#bytesLeft = Number(length ?? 0);
    this.#state = length === undefined ? 'chunk_size' : 'length';
    this.#listener.onHead(head);
    if (length !== undefined && this.#bytesLeft === 0) this.#end();
    return bytes.subarray(end + HEAD_END.length);
  }

  #takeBody(bytes: Buffer): Buffer {
    const taken = bytes.subarray(0, this.#bytesLeft);
    this.#bytesLeft -= taken.length;
    this.#listener.onBody(taken);
    if (this.#bytesLeft === 0) this.#end();
    return bytes.subarray(taken.length);
  }

  #takeChunkSize(bytes: Buffer): Buffer | null {
    const end = bytes.indexOf(LINE_END);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', 0, end), 16);
    this.#bytesLeft = size + LINE_END.length;
    this.#state = size === 0 ? 'trailer' : 'chunk';
    return bytes.subarray(end + LINE_END.length);
  }

  #takeChunk(bytes: Buffer): Buffer {
    const taken = bytes.subarray(0, this.#bytesLeft);
    const content = Math.min(taken.length, Math.max(0, this.#bytesLeft - LINE_END.length));
    this.#bytesLeft -= taken.length;
    if (content > 0) this.#listener.onBody(taken.subarray(0, content));
    if (this.#bytesLeft === 0) this.#state = 'chunk_size';
    return bytes.subarray(taken.length);
  }

  #takeTrailer(bytes: Buffer): Buffer | null {
    const end = bytes.indexOf(LINE_END);
    if (end < 0) return null;
    if (end === 0) this.#end();
    return bytes.subarray(end + LINE_END.length);
  }

  #end(): void {
    this.#state = 'head';
    this.#listener.onEnd();
  }
}
