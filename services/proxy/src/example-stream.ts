import {
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { bodyOf, PROXY_KEY, type RunningProxy } from './running-proxy.ts';

/** Of a request that the proxy takes. */
export const HEADERS = { authorization: `Bearer ${PROXY_KEY}`, 'content-type': 'application/json' };
/** Of an answer that is a stream. */
export const SSE = { 'content-type': 'text/event-stream; charset=utf-8' };

/** A Chat Completions request for a stream. */
export const STREAM_REQUEST = {
  model: 'gpt-5',
  stream: true,
  messages: [{ role: 'user', content: 'x'.repeat(396) }],
};
/** What its input is estimated at: `user` and 396 more, 400 bytes, are 100 tokens. */
export const ESTIMATED_INPUT = 100;

/** One event of a Chat Completions stream. */
export function chunkOf(facts: object): string {
  return `data: ${JSON.stringify({ id: 'c-1', model: 'gpt-5-x', usage: null, ...facts })}\n\n`;
}

/** Events with one delta of output each. */
export function deltas(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    chunkOf({ choices: [{ index: 0, delta: { content: `wörd ${index} ` }, finish_reason: null }] }),
  );
}

/** The last event with a choice. */
export const FINISH = chunkOf({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
/** The extra event of `include_usage`. */
export const USAGE = chunkOf({
  choices: [],
  usage: { prompt_tokens: 90, completion_tokens: 12, total_tokens: 102 },
});
/** The end of a stream. */
export const DONE = 'data: [DONE]\n\n';

/** Writes a stream's text in pieces cut at the given places, one write a turn. */
export async function writeCut(
  response: ServerResponse,
  text: string,
  places: readonly number[],
): Promise<void> {
  const bytes = Buffer.from(text);
  const sorted = places.map((place) => place % bytes.length).toSorted((a, b) => a - b);
  let from = 0;
  for (const place of [...sorted, bytes.length]) {
    response.write(bytes.subarray(from, place));
    from = place;
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

/** Sends a JSON request to the proxy over a connection of its own; resolves when the answer begins. */
export function post(
  proxy: RunningProxy,
  body: unknown,
  path = '/openai/v1/chat/completions',
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(proxy.url + path, { method: 'POST', headers: HEADERS, agent: false });
    sent.on('response', resolve).on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** An upstream whose answer is a stream that the test feeds. */
export function fed(): { upstream: RequestListener; answer: Promise<ServerResponse>; bodies: string[] } {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const bodies: string[] = [];
  return {
    bodies,
    answer: promise,
    upstream: async (request, response) => {
      bodies.push((await bodyOf(request)).toString());
      response.writeHead(200, SSE);
      response.flushHeaders();
      resolve(response);
    },
  };
}
