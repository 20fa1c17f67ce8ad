/**
 * `unknown_org`: the configuration does not know the org of an event; the Kafka partition waits at its offset.
 * `assignment_lost`: the Kafka partition went to another aggregator while a range was in hand; the range is dropped
 * here, before its insert. `not_verified`: whether a block is stored could not be seen, since too much was inserted
 * beside it, or since a difference may be that of another block.
 */
export type AggregatorErrorCode = 'unknown_org' | 'assignment_lost' | 'not_verified';

/** Why a range is not stored. Its offset is not committed, so it is handled again, here or by an heir. */
export class AggregatorError extends Error {
  readonly code: AggregatorErrorCode;
  readonly retryable = true;

  constructor(code: AggregatorErrorCode, message: string) {
    super(message);
    this.name = 'AggregatorError';
    this.code = code;
  }
}
