/** Closed list: what a text or definition handed to this package can be wrong about. */
export type MeteringErrorCode =
  | 'invalid_amount'
  | 'invalid_rate'
  | 'invalid_multiplier'
  | 'invalid_rate_plan'
  | 'invalid_price_book';

/** A definition from outside (configuration, price book) that cannot be read. Retrying cannot help. */
export class MeteringError extends Error {
  readonly code: MeteringErrorCode;
  readonly retryable: boolean;

  constructor(code: MeteringErrorCode, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'MeteringError';
    this.code = code;
    this.retryable = options.retryable;
  }
}
