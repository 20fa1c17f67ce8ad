import { createServer, type ServerResponse } from 'node:http';

/** An answer to be replayed: what a provider once sent. */
export interface Replay {
  readonly contentType: string;
  readonly body: Buffer;
  readonly status?: number;
}

export interface ReplayProvider {
  readonly url: string;
  /** Requests seen, in order: path, headers and body as they came. */
  readonly seen: { path: string; headers: NodeJS.Dict<string | string[]>; body: string }[];
  close(): Promise<void>;
}

/**
 * A provider that answers request `x-replay: <name>` with that recording, cut into chunks at places that
 * `random` chooses, with the connection flushed between them.
 */
export async function startReplayProvider(
  replays: ReadonlyMap<string, Replay>,
  random: () => number,
): Promise<ReplayProvider> {
  const seen: ReplayProvider['seen'] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    });
    const replay = replays.get(String(request.headers['x-replay']));
    if (replay === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(replay.status ?? 200, { 'content-type': replay.contentType });
    await sendInPieces(response, replay.body, random);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An SSE body from one payload a line, with `event:` lines where the payloads name their type. */
export function sseBody(payloads: readonly string[], withEventNames: boolean): Buffer {
  const frames = payloads.map((payload) => {
    const name = withEventNames ? `event: ${JSON.parse(payload).type}\n` : '';
    return `${name}data: ${payload}\n\n`;
  });
  return Buffer.from(frames.join('') + (withEventNames ? '' : 'data: [DONE]\n\n'));
}

/** A small, seeded generator (mulberry32): the same cuts for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const PIECES_MAX = 12;

async function sendInPieces(response: ServerResponse, body: Buffer, random: () => number) {
  const cuts = Array.from({ length: Math.floor(random() * PIECES_MAX) }, () =>
    Math.floor(random() * body.length),
  );
  const places = [0, ...cuts.sort((a, b) => a - b), body.length];
  for (let index = 1; index < places.length; index++) {
    response.write(body.subarray(places[index - 1], places[index]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}
