import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import { answerParent } from '../worker-commands.ts';

/** The upstream's port; the answer has the proxy's own. */
export interface BareQuestion {
  readonly upstreamPort: number;
}
export interface BareListening {
  readonly port: number;
}

/**
 * The baseline: the least that passes HTTP on in Node, with `node:http` and `undici.dispatch`, back-pressure included.
 * Connections, timeouts and TCP are set as in our proxy, and nothing else is done.
 */
class PassThrough implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {}

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    if (status < 200) return;
    this.#response.sendDate = false;
    this.#response.writeHead(status, statusText ?? '', toAnswerHeaders(controller.rawHeaders));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) {
      controller.pause();
      this.#response.once('drain', () => controller.resume());
    }
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}

const NOT_PASSED_UP = new Set(['host', 'connection', 'content-length']);
const NOT_PASSED_DOWN = new Set(['connection', 'keep-alive', 'transfer-encoding']);

function toRequestHeaders(raw: readonly string[]): string[] {
  const passed: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (!NOT_PASSED_UP.has(name.toLowerCase())) passed.push(name, raw[index + 1] ?? '');
  }
  return passed;
}

function toAnswerHeaders(raw: unknown): string[] {
  // undici hands raw headers of HTTP/1.1 as buffers, names and values in turn.
  const buffers = raw as Buffer[];
  const passed: string[] = [];
  for (let index = 0; index + 1 < buffers.length; index += 2) {
    const name = buffers[index]?.toString('latin1') ?? '';
    if (!NOT_PASSED_DOWN.has(name.toLowerCase()))
      passed.push(name, buffers[index + 1]?.toString('latin1') ?? '');
  }
  return passed;
}

/** The body in one piece, which undici sends for less than a stream. */
function whenRead(request: IncomingMessage, then: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [first] = chunks;
    then(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
  });
}

await answerParent<BareQuestion>(async ({ upstreamPort }) => {
  const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, {
    connections: null,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const server = createServer({ keepAliveTimeout: 65_000, noDelay: true }, (request, response) => {
    whenRead(request, (body) => {
      const { url = '/', method = 'GET' } = request;
      const headers = toRequestHeaders(request.rawHeaders);
      pool.dispatch({ path: url, method, headers, body }, new PassThrough(response));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port } satisfies BareListening;
});
