import type { Outcome } from '@meterstone/metering';
import { ProxyError, type ProxyErrorCode } from '../errors.ts';

/** Why an exchange with a provider did not come to its end. */
export interface UpstreamFault {
  readonly code: ProxyErrorCode;
  readonly message: string;
  readonly outcome: Outcome;
  /** What the event calls it. */
  readonly errorType: string;
}

/** The proxy itself ended the exchange. The reason given to undici, which hands it back. */
export class ExchangeAbort extends Error {
  readonly reason: AbortReason;

  constructor(reason: AbortReason) {
    super(`aborted: ${reason}`);
    this.name = 'ExchangeAbort';
    this.reason = reason;
  }
}

/** The provider was silent too long, the client had gone and draining was over, or the proxy is stopping. */
export type AbortReason = 'silence' | 'client_gone' | 'stopping';

/** Classifies by the error's code; undici's codes stand in its documentation (api/Errors). */
export function toUpstreamFault(error: unknown, wasSent: boolean): UpstreamFault {
  if (error instanceof ProxyError) {
    return { code: error.code, message: error.message, outcome: 'upstream_reset', errorType: error.code };
  }
  if (error instanceof ExchangeAbort) {
    return ABORTS[error.reason];
  }
  const code = codeOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return wasSent ? SILENCE : CONNECT_TIMEOUT;
  }
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return UNSENDABLE;
  }
  return wasSent ? RESET : UNREACHABLE;
}

const SILENCE: UpstreamFault = {
  code: 'upstream_timeout',
  message: 'the provider did not answer in time',
  outcome: 'timeout',
  errorType: 'upstream_timeout',
};
const CONNECT_TIMEOUT: UpstreamFault = {
  code: 'upstream_timeout',
  message: 'no connection to the provider could be opened in time',
  outcome: 'timeout',
  errorType: 'upstream_timeout',
};
const UNREACHABLE: UpstreamFault = {
  code: 'upstream_unreachable',
  message: 'no connection to the provider could be opened',
  outcome: 'upstream_reset',
  errorType: 'upstream_unreachable',
};
const RESET: UpstreamFault = {
  code: 'upstream_reset',
  message: 'the provider closed the connection before its answer was complete',
  outcome: 'upstream_reset',
  errorType: 'upstream_reset',
};
const UNSENDABLE: UpstreamFault = {
  code: 'invalid_request',
  message: 'this request cannot be sent over HTTP/1.1',
  outcome: 'upstream_reset',
  errorType: 'invalid_request',
};
const CLIENT_GONE: UpstreamFault = {
  code: 'upstream_reset',
  message: 'the client has gone',
  outcome: 'client_abort',
  errorType: 'client_gone',
};

const STOPPING: UpstreamFault = {
  code: 'overloaded',
  message: 'the proxy is stopping, try again',
  outcome: 'timeout',
  errorType: 'proxy_stopped',
};
const ABORTS: Readonly<Record<AbortReason, UpstreamFault>> = {
  silence: SILENCE,
  client_gone: CLIENT_GONE,
  stopping: STOPPING,
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
