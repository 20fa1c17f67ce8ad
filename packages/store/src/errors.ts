/**
 * Closed list of what can go wrong with the store.
 * `unreachable`: no complete answer came; of an insert the outcome is unknown until its token is sent again.
 * `deadline_exceeded`: our own deadline passed; the outcome is as unknown. `server_busy`: the server said no for
 * now (memory, parts, time). `server_refused`: it will say no again (rights, missing table, bad data).
 * `incomplete_answer`: a success that does not look like one. `migration_changed`: an applied migration's file
 * differs from what was applied. `block_full`, `amount_out_of_range`: a row that cannot be added.
 * `unsafe_count`: a sum beyond 2^53, which a JSON number cannot carry.
 */
export type StoreErrorCode =
  | 'unreachable'
  | 'deadline_exceeded'
  | 'server_busy'
  | 'server_refused'
  | 'incomplete_answer'
  | 'migration_changed'
  | 'block_full'
  | 'amount_out_of_range'
  | 'unsafe_count';

/** Every failure of this package. `retryable`: the same call may succeed later without any change. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly retryable: boolean;
  /** ClickHouse's own error number (`252`); `null` = the failure is not an answer of the server. */
  readonly serverCode: string | null;

  constructor(
    code: StoreErrorCode,
    message: string,
    options: { retryable: boolean; cause?: unknown; serverCode?: string },
  ) {
    super(message, { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
    this.retryable = options.retryable;
    this.serverCode = options.serverCode ?? null;
  }
}
