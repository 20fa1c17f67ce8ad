/**
 * Why bytes are no event. `unknown_schema`: framed, but its fingerprint or id is none we hold (a newer writer, or
 * another topic's record). `undecodable`: not framed at all, or the bytes do not follow the schema they name.
 */
export type EventDecodeErrorCode = 'unknown_schema' | 'undecodable';

/** Bytes that cannot be read. Never retryable: the same bytes read the same way again. */
export class EventDecodeError extends Error {
  readonly code: EventDecodeErrorCode;
  readonly retryable = false;

  constructor(code: EventDecodeErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'EventDecodeError';
    this.code = code;
  }
}

/**
 * A value that its schema cannot hold (a count of more than 53 bits, an amount beyond 38 digits, an id that is not
 * 16 bytes). Never retryable.
 */
export class EventEncodeError extends Error {
  readonly code = 'unencodable';
  readonly retryable = false;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'EventEncodeError';
  }
}
