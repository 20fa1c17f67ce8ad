/**
 * Closed list of why a recovery is refused.
 * `letter_not_found`: no dead letter has these coordinates. `group_active`: aggregators run, and what was asked for
 * needs rest. `intent_pending`: a range may be half stored; an aggregator has to carry it out first.
 * `nothing_to_recover`: no Kafka partition is in the state that the decision is about. `cannot_recover`: the decision
 * would lose or double something that it does not say it does.
 */
export type RecoveryErrorCode =
  | 'letter_not_found'
  | 'group_active'
  | 'intent_pending'
  | 'nothing_to_recover'
  | 'cannot_recover';

/** A refusal; nothing was changed. `retryable`: the same call may succeed later, when the pipeline is in another state. */
export class RecoveryError extends Error {
  readonly code: RecoveryErrorCode;
  readonly retryable: boolean;

  constructor(code: RecoveryErrorCode, message: string, { retryable }: { retryable: boolean }) {
    super(message);
    this.name = 'RecoveryError';
    this.code = code;
    this.retryable = retryable;
  }
}
