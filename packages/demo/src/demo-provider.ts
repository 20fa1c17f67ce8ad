import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { anthropicBody, anthropicFrames } from './anthropic-answer.ts';
import { type DemoRequest, readAnthropicRequest, readOpenAiRequest } from './demo-request.ts';
import { openAiBody, openAiFrames } from './openai-answer.ts';

/** A running demo provider. */
export interface DemoProvider {
  readonly url: string;
  close(): Promise<void>;
}

export interface DemoProviderOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Epoch milliseconds, for `created`. */
  readonly now: () => number;
  /** A new id for each answer. */
  readonly nextId: () => string;
}

/**
 * A provider that answers in the real formats of OpenAI (Chat Completions) and Anthropic (Messages), JSON
 * and streams. One word is one token. It asks for a key like the real ones and refuses a request without one.
 */
export async function startDemoProvider(options: DemoProviderOptions): Promise<DemoProvider> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) =>
      refuse(response, 400, error instanceof Error ? error.message : 'bad request'),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://${options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const BODY_BYTES_MAX = 4_000_000;

async function answer(request: IncomingMessage, response: ServerResponse, options: DemoProviderOptions) {
  const path = (request.url ?? '').split('?')[0];
  if (request.method !== 'POST') return refuse(response, 404, 'unknown path');
  const body = await readBody(request);
  if (path === '/v1/chat/completions') {
    if (!request.headers.authorization?.startsWith('Bearer ')) return refuse(response, 401, 'no api key');
    return answerOpenAi(response, readOpenAiRequest(body), options);
  }
  if (path === '/v1/messages') {
    if (request.headers['x-api-key'] === undefined) return refuse(response, 401, 'no api key');
    return answerAnthropic(response, readAnthropicRequest(body), options);
  }
  return refuse(response, 404, 'unknown path');
}

function answerOpenAi(response: ServerResponse, request: DemoRequest, options: DemoProviderOptions) {
  const id = options.nextId();
  const created = Math.floor(options.now() / 1000);
  if (!request.stream) return sendJson(response, 200, openAiBody(request, id, created));
  return sendStream(
    response,
    openAiFrames(request, id, created).map((data) => `data: ${data}\n\n`),
  );
}

function answerAnthropic(response: ServerResponse, request: DemoRequest, options: DemoProviderOptions) {
  const id = options.nextId();
  if (!request.stream) return sendJson(response, 200, anthropicBody(request, id));
  return sendStream(
    response,
    anthropicFrames(request, id).map(({ event, data }) => `event: ${event}\ndata: ${data}\n\n`),
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`body over ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, status: number, body: string) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}

function sendStream(response: ServerResponse, frames: readonly string[]) {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
  for (const frame of frames) response.write(frame);
  response.end();
}

function refuse(response: ServerResponse, status: number, message: string) {
  sendJson(response, status, JSON.stringify({ error: { message, type: 'invalid_request_error' } }));
}
