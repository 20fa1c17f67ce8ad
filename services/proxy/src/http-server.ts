import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { PROXY_ERRORS, ProxyError, toErrorBody } from './errors.ts';
import type { ProxyCounters } from './metrics.ts';

export interface HttpLimits {
  /** Of one request, all together. */
  readonly requestHeaderBytesMax: number;
  /** A client has this long to send its headers, */
  readonly requestHeaderMsMax: number;
  /** and this long for the whole request. */
  readonly requestMsMax: number;
  /** How long an idle connection of a client is kept: longer than load balancers keep theirs (60 s). */
  readonly clientKeepAliveMs: number;
}

export interface HttpServerOptions {
  readonly limits: HttpLimits;
  readonly counters: Pick<ProxyCounters, 'refused'>;
  readonly onRequest: RequestListener;
}

/** A server whose own refusals, of what never becomes a request, are coded errors like all others. */
export function createHttpServer({ limits, counters, onRequest }: HttpServerOptions): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.requestHeaderBytesMax,
      headersTimeout: limits.requestHeaderMsMax,
      requestTimeout: limits.requestMsMax,
      keepAliveTimeout: limits.clientKeepAliveMs,
      noDelay: true,
    },
    onRequest,
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const refusal = toClientError(error.code ?? '');
    counters.refused.add(refusal?.code ?? 'client_gone');
    if (refusal === null || !socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(rawAnswer(refusal));
  });
  return server;
}

/** What Node's parser refuses before there is a request; `null`: the connection broke. */
function toClientError(code: string): ProxyError | null {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProxyError('header_too_large', "the request's headers are too large");
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProxyError('request_timeout', 'the request did not arrive in time');
    default:
      return code.startsWith('HPE_') ? new ProxyError('invalid_request', 'this is not valid HTTP/1.1') : null;
  }
}

function rawAnswer({ code, message }: ProxyError): string {
  const body = toErrorBody(code, message);
  const { status } = PROXY_ERRORS[code];
  const head = [
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return `HTTP/1.1 ${status} ${code}\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}
