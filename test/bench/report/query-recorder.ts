import { Agent, createServer, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { HttpCall } from './http-call.ts';

/** Stands between reporting and ClickHouse and keeps what passes, so that the very same query can be sent straight. */
export interface QueryRecorder {
  readonly url: string;
  /** What was sent since it was last asked, in order; addressed to ClickHouse itself. */
  take(): HttpCall[];
  close(): Promise<void>;
}

/** Headers that belong to one connection. */
const OF_CONNECTION = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive']);

export async function recordQueries(clickhouseUrl: string): Promise<QueryRecorder> {
  const agent = new Agent({ keepAlive: true });
  let calls: HttpCall[] = [];
  const server = createServer(async (asked, response) => {
    const headers = Object.fromEntries(
      Object.entries(asked.headers)
        .filter(([name]) => !OF_CONNECTION.has(name))
        .map(([name, value]) => [name, String(value)]),
    );
    const body = await buffer(asked);
    const call = { method: asked.method ?? 'GET', url: `${clickhouseUrl}${asked.url}`, headers, body };
    calls.push(call);
    const passed = request(call.url, { method: call.method, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    passed.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    take() {
      const taken = calls;
      calls = [];
      return taken;
    },
    async close() {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
