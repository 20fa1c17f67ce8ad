import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { ByteBudget } from '../answer/byte-budget.ts';
import { type BodyFacts, readBodyFacts } from './body-facts.ts';
import type { RequestHeaders } from './headers.ts';
import { passBody, readBody, tooLarge } from './read-body.ts';

/** A request's body, as far as it is to be looked into. */
export interface TakenBody {
  /** `null`: the request has none. */
  readonly content: Buffer | Readable | null;
  /** `null`: not JSON, or not an object, or not ours to look into. */
  readonly facts: BodyFacts | null;
  /** Reserved in the budget. */
  readonly heldBytes: number;
}

const NO_BODY: TakenBody = Object.freeze({ content: null, facts: null, heldBytes: 0 });

export interface TakeOptions {
  readonly headers: RequestHeaders;
  /** Of one body. */
  readonly bytesMax: number;
  /** Of all in memory. */
  readonly bodyBudget: ByteBudget;
}

/**
 * Takes the body: JSON into memory with its facts, anything else as a stream. ProxyError `request_too_large`,
 * `overloaded` or `invalid_attribution`, or ClientGone; then nothing stays reserved.
 */
export async function takeBody(request: IncomingMessage, options: TakeOptions): Promise<TakenBody> {
  const { headers, bytesMax, bodyBudget } = options;
  const { contentLength, chunked, contentType, contentEncoding } = headers;
  if (!chunked && (contentLength === null || contentLength === 0)) {
    return NO_BODY;
  }
  if ((contentLength ?? 0) > bytesMax) {
    throw tooLarge(bytesMax);
  }
  const isJson = contentType === null || /json/i.test(contentType);
  if (!isJson || contentEncoding !== null) {
    return { content: passBody(request, bytesMax), facts: null, heldBytes: 0 };
  }
  const content = await readBody(request, { bytesMax, budget: bodyBudget });
  return { content, facts: readFacts(content, bodyBudget), heldBytes: content.length };
}

function readFacts(content: Buffer, budget: ByteBudget): BodyFacts | null {
  try {
    return readBodyFacts(content);
  } catch (error) {
    budget.release(content.length);
    throw error;
  }
}
