/**
 * Closed list of `error.type`, Vercel's words, by which its client picks the error class (`@ai-sdk/gateway`
 * 4.0.146, read 2026-11-24): `not_found` is the client's word where Vercel's page says `not_found_error`.
 * `rate_limit_exceeded` is reserved.
 */
export type ApiErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'rate_limit_exceeded'
  | 'service_unavailable'
  | 'internal_server_error';

/** What a caller gets instead of an answer. The message says what to change and never repeats a key. */
export class ApiError extends Error {
  readonly code: ApiErrorType;
  readonly retryable: boolean;
  readonly status: number;
  /** The parameter that is at fault; `null` = none. */
  readonly param: string | null;

  constructor(type: ApiErrorType, message: string, options: { param?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'ApiError';
    this.code = type;
    this.status = STATUS[type];
    this.retryable = this.status >= 500 || this.status === 429;
    this.param = options.param ?? null;
  }
}

/** A fault of one parameter of the question. */
export function invalidParameter(param: string, message: string): ApiError {
  return new ApiError('invalid_request_error', message, { param });
}

/** The body of every error: nested, because flat ones break Vercel's client. */
export function toErrorBody(error: ApiError): { readonly error: Readonly<Record<string, string>> } {
  const { message, code: type, param } = error;
  return { error: param === null ? { message, type } : { message, type, param } };
}

const STATUS: Readonly<Record<ApiErrorType, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  rate_limit_exceeded: 429,
  service_unavailable: 503,
  internal_server_error: 500,
};
