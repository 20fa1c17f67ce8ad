/**
 * - `unsupported_client`: the installed kafkajs is not the version that the patches were written for.
 * - `topic_mismatch`: a topic exists with other partitions or another timestamp type; neither is changed here.
 * - `topics_unavailable`: the topics could not be looked at, or made.
 * - `record_too_large`: one record is larger than a batch may be, so no broker would take it.
 * - `produce_failed`: the broker did not acknowledge; whether it stored the records is not known.
 * - `read_failed`: records, positions or facts of a topic could not be read.
 * - `unreadable_batch`: a record batch on a topic is damaged, or of a format or compression that is not read here; the
 *   message says which and where. So is one that inflates to more than is taken into memory.
 * - `commit_refused`: the broker did not acknowledge a position under the membership that it was sent under.
 * - `partition_stopped`: a Kafka partition must not go on by itself; the message says why, as a clause. A handler throws
 *   it, and nothing more is done with that Kafka partition until the next assignment.
 */
export type KafkaErrorCode =
  | 'unsupported_client'
  | 'topic_mismatch'
  | 'topics_unavailable'
  | 'record_too_large'
  | 'produce_failed'
  | 'read_failed'
  | 'unreadable_batch'
  | 'commit_refused'
  | 'partition_stopped';

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
