/**
 * - `unsupported_client`: the installed kafkajs is not the version that the patches were written for.
 * - `topic_mismatch`: a topic exists with other partitions or another timestamp type; neither is changed here.
 * - `topics_unavailable`: the topics could not be looked at, or made.
 * - `record_too_large`: one record is larger than a batch may be, so no broker would take it.
 * - `produce_failed`: the broker did not acknowledge; whether it stored the records is not known.
 * - `read_failed`: a range of records or positions could not be read.
 */
export type KafkaErrorCode =
  | 'unsupported_client'
  | 'topic_mismatch'
  | 'topics_unavailable'
  | 'record_too_large'
  | 'produce_failed'
  | 'read_failed';

export interface KafkaErrorFacts {
  readonly code: KafkaErrorCode;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  readonly cause?: unknown;
}

export class KafkaError extends Error {
  readonly code: KafkaErrorCode;
  readonly retryable: boolean;

  constructor(message: string, { code, retryable, cause }: KafkaErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'KafkaError';
    this.code = code;
    this.retryable = retryable;
  }
}
