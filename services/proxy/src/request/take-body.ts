import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { ByteBudget } from '../answer/byte-budget.ts';
import { type BodyFacts, readBodyFacts } from './body-facts.ts';
import type { RequestHeaders } from './headers.ts';
import { type Done, passBody, readBody, tooLarge } from './read-body.ts';

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
 * Takes the body: JSON into memory with its facts, anything else as a stream. Ends with ProxyError
 * `request_too_large`, `overloaded` or `invalid_attribution`, or with ClientGone; then nothing stays reserved.
 */
export function takeBody(request: IncomingMessage, options: TakeOptions, done: Done<TakenBody>): void {
  const { headers, bytesMax, bodyBudget } = options;
  const { contentLength, chunked, contentType, contentEncoding } = headers;
  if (!chunked && (contentLength === null || contentLength === 0)) {
    done(null, NO_BODY);
  } else if ((contentLength ?? 0) > bytesMax) {
    done(tooLarge(bytesMax), null);
  } else if (contentEncoding !== null || (contentType !== null && !/json/i.test(contentType))) {
    done(null, { content: passBody(request, bytesMax), facts: null, heldBytes: 0 });
  } else {
    readBody(request, { bytesMax, budget: bodyBudget }, (error, content) => {
      if (content === null) {
        done(error, null);
        return;
      }
      const facts = readFacts(content);
      if (facts instanceof Error) {
        bodyBudget.release(content.length);
        done(facts, null);
        return;
      }
      done(null, { content, facts, heldBytes: content.length });
    });
  }
}

function readFacts(content: Buffer): BodyFacts | null | Error {
  try {
    return readBodyFacts(content);
  } catch (error) {
    return error instanceof Error ? error : new Error('a body could not be read', { cause: error });
  }
}
