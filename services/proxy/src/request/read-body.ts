import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import type { ByteBudget } from '../answer/byte-budget.ts';
import { ProxyError } from '../errors.ts';

export interface BodyLimits {
  /** Of one request. */
  readonly bytesMax: number;
  /** Of all requests that are held in memory. What is reserved here the caller releases. */
  readonly budget: ByteBudget;
}

/** The client went away before its request was complete: there is nobody to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client went away before its request was complete');
    this.name = 'ClientGone';
  }
}

/** Called once, with an error or with what was asked for. */
export type Done<T> = (error: unknown, value: T | null) => void;

/**
 * Reads a whole body into memory. Ends with ProxyError `request_too_large` or `overloaded`, or with ClientGone; what
 * it had reserved is then released. By callback, as promises cost a request a microsecond that nothing is gained by.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits, done: Done<Buffer>): void {
  const { bytesMax, budget } = limits;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The listeners stay: a request lives no longer than they do, and taking them off costs more than this.
  let isDone = false;
  const fail = (error: Error): void => {
    isDone = true;
    budget.release(bytes);
    done(error, null);
  };
  request.on('data', (chunk: Buffer) => {
    if (isDone) {
      return;
    }
    if (bytes + chunk.length > bytesMax) {
      fail(tooLarge(bytesMax));
    } else if (!budget.reserve(chunk.length)) {
      fail(new ProxyError('overloaded', 'too many request bytes are in memory, try again'));
    } else {
      bytes += chunk.length;
      chunks.push(chunk);
    }
  });
  request.on('end', () => {
    if (!isDone) {
      isDone = true;
      const [first] = chunks;
      done(null, chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes));
    }
  });
  request.on('close', () => {
    if (!isDone) {
      fail(new ClientGone());
    }
  });
}

/**
 * The body as a stream, for content that the proxy does not look into. It ends in error, with ProxyError
 * `request_too_large` or ClientGone, when the body is over the limit or is never completed.
 */
export function passBody(request: IncomingMessage, bytesMax: number): Readable {
  const passed = new PassThrough();
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      passed.destroy(tooLarge(bytesMax));
    }
  });
  request.on('close', () => {
    if (!request.complete) {
      passed.destroy(new ClientGone());
    }
  });
  return request.pipe(passed);
}

export function tooLarge(bytesMax: number): ProxyError {
  return new ProxyError('request_too_large', `a request body has at most ${bytesMax} bytes`);
}
