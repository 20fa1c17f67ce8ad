import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROXY_ERRORS, ProxyError, type ProxyErrorCode, toErrorBody } from './errors.ts';

/** How long, and for how many bytes, a refused request's body is still read, so that its sender sees the answer. */
const LINGER_MS = 1000;
const LINGER_BYTES_MAX = 4 * 1024 * 1024;

/** Answers with a coded error, with further headers as names and values in turn. Nothing may have been sent yet. */
export function sendError(
  response: ServerResponse,
  { code, message }: { readonly code: ProxyErrorCode; readonly message: string },
  headers: readonly string[] = [],
): void {
  const { body, head } = toErrorAnswer(code, message);
  response.writeHead(PROXY_ERRORS[code].status, [...head, ...headers]);
  response.end(body);
}

/**
 * Refuses a request whose body may still be on its way. The connection is closed afterwards if so: an error that
 * is followed by a reset at once never reaches a sender that is busy sending.
 */
export function refuse(request: IncomingMessage, response: ServerResponse, error: ProxyError): void {
  if (request.complete || !mayHaveBody(request)) {
    sendError(response, error);
    return;
  }
  const { body, head } = toErrorAnswer(error.code, error.message);
  response.writeHead(PROXY_ERRORS[error.code].status, [...head, 'connection', 'close']);
  response.write(body);
  linger(request, () => response.end());
}

/** What to answer for whatever was thrown. A fault of ours is no `ProxyError`, and tells nothing of itself. */
export function toProxyError(error: unknown): ProxyError {
  return error instanceof ProxyError
    ? error
    : new ProxyError('internal_error', 'the proxy failed to handle this request', error);
}

function toErrorAnswer(code: ProxyErrorCode, message: string): { body: string; head: string[] } {
  const body = toErrorBody(code, message);
  const head = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))];
  return { body, head: code === 'overloaded' ? [...head, 'retry-after', '1'] : head };
}

function mayHaveBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function linger(request: IncomingMessage, done: () => void): void {
  let bytes = 0;
  const stop = (): void => {
    clearTimeout(timer);
    request.removeListener('data', onData);
    done();
  };
  const timer = setTimeout(stop, LINGER_MS);
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES_MAX) {
      stop();
    }
  };
  request.on('data', onData).once('end', stop).once('close', stop).resume();
}
