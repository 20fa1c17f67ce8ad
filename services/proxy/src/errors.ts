/** What the proxy itself answers when it does not pass a provider's answer on. */
export type ProxyErrorCode = keyof typeof PROXY_ERRORS;

/** Status and `type` of every code. The codes are stable; the messages are not. */
export const PROXY_ERRORS = {
  /** Not HTTP, or a header that HTTP does not allow. */
  invalid_request: { status: 400, type: 'invalid_request_error', retryable: false },
  /** One of Meterstone's own headers is over its limit, given twice or empty where it may not be. */
  invalid_header: { status: 400, type: 'invalid_request_error', retryable: false },
  /** `providerOptions.gateway` in the body has a wrong type or is over a limit. */
  invalid_attribution: { status: 400, type: 'invalid_request_error', retryable: false },
  /** The plan that the request names is no rate plan of the org. */
  unknown_plan: { status: 400, type: 'invalid_request_error', retryable: false },
  /** No Meterstone key, neither in `x-meterstone-key` nor where the SDK puts its key. */
  missing_api_key: { status: 401, type: 'authentication_error', retryable: false },
  /** A key that the configuration does not know. */
  invalid_api_key: { status: 401, type: 'authentication_error', retryable: false },
  /** The key lacks the scope `proxy`. */
  missing_scope: { status: 403, type: 'permission_error', retryable: false },
  /** On `/v1/…`: the model's prefix is no configured provider. */
  model_not_found: { status: 404, type: 'not_found_error', retryable: false },
  /** The path names a provider that is not configured. */
  provider_not_found: { status: 404, type: 'not_found_error', retryable: false },
  /** No door of the proxy has this path. */
  path_not_found: { status: 404, type: 'not_found_error', retryable: false },
  /** The client did not send its request in time. */
  request_timeout: { status: 408, type: 'invalid_request_error', retryable: true },
  /** The request's body is over `requestBodyBytesMax`. */
  request_too_large: { status: 413, type: 'invalid_request_error', retryable: false },
  /** The request's headers are over `requestHeaderBytesMax`. */
  header_too_large: { status: 431, type: 'invalid_request_error', retryable: false },
  /** A fault of the proxy itself. */
  internal_error: { status: 500, type: 'api_error', retryable: true },
  /** A door that a later version opens. */
  not_implemented: { status: 501, type: 'not_implemented_error', retryable: false },
  /** No connection to the provider could be opened: nothing was sent, nothing is billed. */
  upstream_unreachable: { status: 502, type: 'upstream_error', retryable: true },
  /** The provider closed the connection, or broke HTTP, before its answer began. */
  upstream_reset: { status: 502, type: 'upstream_error', retryable: true },
  /** Too many requests in flight, or too many bytes of them in memory. */
  overloaded: { status: 503, type: 'overloaded_error', retryable: true },
  /** The journal is full or cannot be written, and `journal_full` is `refuse`: no request goes out unnoted. */
  journal_full: { status: 503, type: 'overloaded_error', retryable: true },
  /** The provider stayed silent for longer than `upstreamSilenceMsMax`. */
  upstream_timeout: { status: 504, type: 'upstream_error', retryable: true },
} as const;

/** A request that the proxy refuses or cannot finish. The message goes to the caller: it never quotes a header. */
export class ProxyError extends Error {
  readonly code: ProxyErrorCode;
  readonly retryable: boolean;

  constructor(code: ProxyErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ProxyError';
    this.code = code;
    this.retryable = PROXY_ERRORS[code].retryable;
  }
}

/** The body of an error answer, in the nested shape that OpenAI's and Vercel's clients read. */
export function toErrorBody(code: ProxyErrorCode, message: string): string {
  return JSON.stringify({ error: { message, type: PROXY_ERRORS[code].type, code } });
}
