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

/**
 * Reads a whole body into memory. Rejects with ProxyError `request_too_large` or `overloaded`, or with ClientGone;
 * what it had reserved is then released.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (error: Error | null): void => {
      request.removeListener('data', onData);
      request.removeListener('end', onEnd);
      request.removeListener('close', onClose);
      if (error !== null) {
        limits.budget.release(bytes);
        reject(error);
        return;
      }
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes));
    };
    const onData = (chunk: Buffer): void => {
      if (bytes + chunk.length > limits.bytesMax) {
        end(tooLarge(limits.bytesMax));
      } else if (!limits.budget.reserve(chunk.length)) {
        end(new ProxyError('overloaded', 'too many request bytes are in memory, try again'));
      } else {
        bytes += chunk.length;
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => end(null);
    const onClose = (): void => end(new ClientGone());
    request.on('data', onData).on('end', onEnd).on('close', onClose);
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
