/**
 * - `journal_exists`: no name for a new journal was free, which only a broken source of randomness explains.
 * - `unknown_format`: a file in a journal was not written by a version that this one can read.
 * - `other_topic`: a journal belongs to another topic than the one it should be replayed to.
 * - `record_too_large`: one record is larger than a frame may be.
 */
export type JournalErrorCode = 'journal_exists' | 'unknown_format' | 'other_topic' | 'record_too_large';

export interface JournalErrorFacts {
  readonly code: JournalErrorCode;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  readonly cause?: unknown;
}

export class JournalError extends Error {
  readonly code: JournalErrorCode;
  readonly retryable: boolean;

  constructor(message: string, { code, retryable, cause }: JournalErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'JournalError';
    this.code = code;
    this.retryable = retryable;
  }
}
