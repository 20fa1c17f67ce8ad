import { once } from 'node:events';
import {
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { USAGE_FLAGS } from '@meterstone/metering';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  bodyOf,
  CHAT_ANSWER,
  jsonUpstream,
  PROXY_KEY,
  type RunningProxy,
  type RunningProxyOptions,
  runProxy,
  until,
} from './running-proxy.ts';

let running: RunningProxy | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(options: RunningProxyOptions): Promise<RunningProxy> {
  running = await runProxy(options);
  return running;
}

const HEADERS = { authorization: `Bearer ${PROXY_KEY}`, 'content-type': 'application/json' };
const SSE = { 'content-type': 'text/event-stream; charset=utf-8' };

const STREAM_REQUEST = {
  model: 'gpt-5',
  stream: true,
  messages: [{ role: 'user', content: 'x'.repeat(396) }],
};
/** `user` and 396 more: 400 bytes are 100 tokens. */
const ESTIMATED_INPUT = 100;

function chunkOf(facts: object): string {
  return `data: ${JSON.stringify({ id: 'c-1', model: 'gpt-5-x', usage: null, ...facts })}\n\n`;
}

function deltas(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    chunkOf({ choices: [{ index: 0, delta: { content: `wörd ${index} ` }, finish_reason: null }] }),
  );
}

const FINISH = chunkOf({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const USAGE = chunkOf({
  choices: [],
  usage: { prompt_tokens: 90, completion_tokens: 12, total_tokens: 102 },
});
const DONE = 'data: [DONE]\n\n';

/** Writes a stream's text in pieces cut at the given places, one write a turn. */
async function writeCut(response: ServerResponse, text: string, places: readonly number[]): Promise<void> {
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

function post(
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

/** A stream that a test feeds. */
function fed(): { upstream: RequestListener; answer: Promise<ServerResponse>; bodies: string[] } {
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

describe('a stream', () => {
  it('arrives byte for byte, less the usage chunk that the client did not ask for', async () => {
    const pieces = [': ping\n\n', ...deltas(12), FINISH, USAGE, DONE];
    let places: readonly number[] = [];
    const bodies: string[] = [];
    const proxy = await start({
      upstream: async (request, response) => {
        bodies.push((await bodyOf(request)).toString());
        response.writeHead(200, SSE);
        await writeCut(response, pieces.join(''), places);
      },
    });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), fc.boolean(), async (cuts, asks) => {
        places = cuts;
        runs++;
        const body = { ...STREAM_REQUEST, ...(asks ? { stream_options: { include_usage: true } } : {}) };
        const answer = await post(proxy, body);
        const expected = asks ? pieces : pieces.filter((piece) => piece !== USAGE);
        expect((await bodyOf(answer)).toString()).toBe(expected.join(''));
        expect(JSON.parse(bodies.at(-1) ?? '').stream_options).toEqual({ include_usage: true });
      }),
      { numRuns: 40 },
    );
    const events = await proxy.eventsWhen(runs);
    for (const event of events) {
      expect(event).toMatchObject({
        streamed: true,
        outcome: 'ok',
        usageSource: 'reported',
        inputTokens: 90,
        outputTokens: 12,
        outputDeltas: 12,
        finishReason: 'stop',
        responseModel: 'gpt-5-x',
      });
      expect(event.timeToFirstTokenMs).not.toBeNull();
    }
  });

  it('reaches the client while it still runs', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream });
    const received = await post(proxy, STREAM_REQUEST);
    const response = await answer;
    response.write(deltas(1).join(''));
    const [first] = (await once(received, 'data')) as [Buffer];
    expect(first.toString()).toBe(deltas(1).join(''));
    response.end(DONE);
    await bodyOf(received);
  });

  it('is not asked for usage where the provider is not known to take the option', async () => {
    const { upstream, answer, bodies } = fed();
    const proxy = await start({ upstream });
    const received = post(proxy, STREAM_REQUEST, '/p/local/v1/chat/completions');
    (await answer).end(deltas(2).join('') + USAGE + DONE);
    expect((await bodyOf(await received)).toString()).toContain(USAGE);
    expect(bodies[0]).toBe(JSON.stringify(STREAM_REQUEST));
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({ usageSource: 'reported', inputTokens: 90 });
  });

  it('estimates what a provider that forgets its usage does not tell', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream });
    const received = post(proxy, STREAM_REQUEST);
    (await answer).end(deltas(7).join('') + FINISH + DONE);
    await bodyOf(await received);
    const [event] = await proxy.eventsWhen(1);
    expect(event).toMatchObject({
      outcome: 'ok',
      usageSource: 'estimated',
      inputTokens: ESTIMATED_INPUT,
      outputTokens: 7,
      requestTextBytes: 400,
      outputDeltas: 7,
    });
    expect((event?.usageFlags ?? 0) & USAGE_FLAGS.reasoningUnknown).not.toBe(0);
  });

  it("keeps Anthropic's counts of the start when the stream breaks off, and estimates the output", async () => {
    const proxy = await start({
      upstream: async (request, response) => {
        await bodyOf(request);
        response.writeHead(200, SSE);
        const events = [
          {
            type: 'message_start',
            message: { id: 'm', model: 'claude-5', usage: { input_tokens: 50, output_tokens: 1 } },
          },
          ...Array.from({ length: 9 }, () => {
            return { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hello' } };
          }),
        ];
        response.write(
          events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''),
        );
        setTimeout(() => response.destroy(), 20);
      },
    });
    const answer = await post(proxy, { ...STREAM_REQUEST, model: 'claude-5' }, '/anthropic/v1/messages');
    await expect(bodyOf(answer)).rejects.toThrow();
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'upstream_reset',
      errorType: 'upstream_reset',
      httpStatus: 200,
      usageSource: 'estimated',
      inputTokens: 50,
      outputTokens: 9,
    });
  });

  it('sends on what came before the provider broke off', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream });
    const body = JSON.stringify(STREAM_REQUEST);
    // A socket, as Node's own client drops what it has not read yet when the answer breaks off.
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(
      `POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${PROXY_KEY}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const response = await answer;
    response.write(`${deltas(1).join('')}data: {"half`);
    setTimeout(() => response.destroy(), 20);
    const text = (await bodyOf(socket)).toString();
    expect(text).toContain(`\r\n${deltas(1).join('')}\r\n`);
    expect(text.endsWith('data: {"half\r\n')).toBe(true);
  });
});

describe('a client that goes away', () => {
  it('leaves an answer that is read to its end, with exact usage', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream });
    const received = await post(proxy, STREAM_REQUEST);
    const response = await answer;
    response.write(deltas(2).join(''));
    await once(received, 'data');
    received.destroy();
    await until(() => (proxy.proxy.counters.drains.of('complete') === 0 && drainingIn(proxy) ? true : null));
    response.end(deltas(10).join('') + USAGE + DONE);
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'client_abort',
      usageSource: 'reported',
      inputTokens: 90,
      outputTokens: 12,
      httpStatus: 200,
    });
    expect(proxy.proxy.counters.drains.of('complete')).toBe(1);
  });

  it('before a JSON answer began leaves exact usage too', async () => {
    let finish = (): void => {};
    const proxy = await start({
      upstream: (request, response) => {
        request.resume();
        finish = () => jsonUpstream(CHAT_ANSWER)(request, response);
        finish = () => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify(CHAT_ANSWER));
        };
      },
    });
    const sent = httpRequest(`${proxy.url}/openai/v1/chat/completions`, { method: 'POST', headers: HEADERS });
    sent.on('error', () => {}).end('{"model":"gpt-5"}');
    await new Promise((resolve) => setTimeout(resolve, 50));
    sent.destroy();
    await until(() => (drainingIn(proxy) ? true : null));
    finish();
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'client_abort',
      usageSource: 'reported',
      inputTokens: 60,
      streamed: false,
    });
  });

  it.each([
    ['time', { drainMs: 30 }, 'over_time'],
    ['bytes', { drainBytesMax: 100 }, 'over_bytes'],
    ['drains', { drainsMax: 0 }, 'over_drains'],
  ])('is drained for within a limit of %s, and estimated beyond it', async (_, limits, result) => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream, limits });
    const received = await post(proxy, STREAM_REQUEST);
    const response = await answer;
    const closed = once(response, 'close');
    response.write(deltas(3).join(''));
    await once(received, 'data');
    received.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    response.write(deltas(2).join(''));
    await closed;
    const [event] = await proxy.eventsWhen(1);
    expect(event).toMatchObject({
      outcome: 'client_abort',
      usageSource: 'estimated',
      inputTokens: ESTIMATED_INPUT,
    });
    expect(event?.outputTokens).toBeGreaterThanOrEqual(3);
    expect(proxy.proxy.counters.drains.of(result)).toBe(1);
    expect(drainingIn(proxy)).toBe(false);
  });

  it('counts as gone when it leaves its answer unread', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream, limits: { clientStallMsMax: 100, drainBytesMax: 100_000_000 } });
    const received = await post(proxy, STREAM_REQUEST);
    received.pause();
    const response = await answer;
    const big = chunkOf({ choices: [{ index: 0, delta: { content: 'x'.repeat(500_000) } }] });
    for (let index = 0; index < 100; index++) {
      response.write(big);
    }
    response.end(USAGE + DONE);
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'client_abort',
      usageSource: 'reported',
    });
  });

  it('before its request was complete leaves nothing', async () => {
    const proxy = await start({ upstream: jsonUpstream({}) });
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(
      `POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${PROXY_KEY}\r\n` +
        'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"model"',
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await until(() => (proxy.proxy.counters.refused.of('client_gone') === 1 ? true : null));
    expect(proxy.events).toEqual([]);
    expect(await proxy.metrics()).toContain('meterstone_proxy_held_bytes{service="proxy"} 0');
  });
});

function drainingIn(proxy: RunningProxy): boolean {
  return proxy.proxy.draining() > 0;
}

describe('back-pressure', () => {
  it('reaches the provider when the client does not read, and all bytes arrive when it does', async () => {
    const total = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let written = 0;
    const proxy = await start({
      upstream: async (request, response) => {
        await bodyOf(request);
        response.writeHead(200, { 'content-type': 'application/octet-stream' });
        while (written < total) {
          written += chunk.length;
          if (!response.write(chunk)) await once(response, 'drain');
        }
        response.end();
      },
    });
    const received = await post(proxy, {}, '/openai/v1/files');
    received.pause();
    let before = -1;
    await until(() => {
      const isStill = written === before && written > 0;
      before = written;
      return isStill ? true : null;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Buffers of four sockets and two streams, far below what the answer holds.
    expect(written).toBeLessThan(total / 2);
    let bytes = 0;
    received.on('data', (part: Buffer) => {
      bytes += part.length;
    });
    received.resume();
    await once(received, 'end');
    expect(bytes).toBe(total);
  });

  it('reaches the client when the provider does not read', async () => {
    const total = 48 * 1024 * 1024;
    let resume = (): void => {};
    let bytes = 0;
    const proxy = await start({
      upstream: (request, response) => {
        resume = () => {
          request.on('data', (part: Buffer) => {
            bytes += part.length;
          });
          request.on('end', () => response.end('{}'));
        };
      },
    });
    const headers = { ...HEADERS, 'content-type': 'application/octet-stream', 'content-length': total };
    const sent = httpRequest(`${proxy.url}/openai/v1/files`, { method: 'POST', headers });
    const answered = once(sent, 'response');
    const chunk = Buffer.alloc(64 * 1024);
    let written = 0;
    const write = async (): Promise<void> => {
      while (written < total) {
        written += chunk.length;
        if (!sent.write(chunk)) await once(sent, 'drain');
      }
      sent.end();
    };
    const writing = write();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(written).toBeLessThan(total / 2);
    resume();
    await writing;
    const [answer] = (await answered) as [IncomingMessage];
    await bodyOf(answer);
    expect(bytes).toBe(total);
  });
});

describe('a provider that fails', () => {
  it('passes its error through, and leaves an event', async () => {
    const error = { error: { message: 'no', type: 'rate_limit_error', code: 'rate_limited' } };
    const proxy = await start({ upstream: jsonUpstream(error, 429) });
    const answer = await post(proxy, { model: 'gpt-5' });
    expect(answer.statusCode).toBe(429);
    expect(JSON.parse((await bodyOf(answer)).toString())).toEqual(error);
    const [event] = await proxy.eventsWhen(1);
    expect(event).toMatchObject({ outcome: 'provider_error', httpStatus: 429, usageSource: 'none' });
    expect(event?.errorType).toMatch(/rate_limit/);
  });

  it('in the middle of a stream is a provider error, with what was generated until then', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream });
    const received = post(proxy, STREAM_REQUEST);
    (await answer).end(`${deltas(4).join('')}data: {"error":{"type":"overloaded_error","message":"x"}}\n\n`);
    await bodyOf(await received);
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'provider_error',
      errorType: 'overloaded_error',
      usageSource: 'estimated',
      outputTokens: 4,
    });
  });

  it('by closing the connection is a coded 502', async () => {
    const proxy = await start({
      upstream: (request) => void request.on('end', () => request.socket.destroy()).resume(),
    });
    const answer = await post(proxy, STREAM_REQUEST);
    expect(answer.statusCode).toBe(502);
    expect(JSON.parse((await bodyOf(answer)).toString())).toMatchObject({
      error: { code: 'upstream_reset' },
    });
    expect(answer.headers['meterstone-generation-id']).toMatch(/^gen_/);
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'upstream_reset',
      httpStatus: null,
      usageSource: 'none',
      streamed: true,
    });
  });

  it('by silence is a coded 504, estimated', async () => {
    const proxy = await start({
      upstream: (request) => void request.resume(),
      limits: { upstreamSilenceMsMax: 50 },
    });
    const answer = await post(proxy, STREAM_REQUEST);
    expect(answer.statusCode).toBe(504);
    expect(JSON.parse((await bodyOf(answer)).toString())).toMatchObject({
      error: { code: 'upstream_timeout' },
    });
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'timeout',
      httpStatus: null,
      usageSource: 'estimated',
      inputTokens: ESTIMATED_INPUT,
      outputTokens: 0,
    });
  });

  it('by silence in the middle cuts the answer off', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream, limits: { upstreamSilenceMsMax: 80 } });
    const received = await post(proxy, STREAM_REQUEST);
    (await answer).write(deltas(2).join(''));
    await expect(bodyOf(received)).rejects.toThrow();
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      outcome: 'timeout',
      usageSource: 'estimated',
      outputTokens: 2,
    });
  });

  it('by not being there is a coded 502 and no event, for nothing was sent', async () => {
    const proxy = await start({ upstream: jsonUpstream({}), baseUrls: { openai: 'http://127.0.0.1:9' } });
    const answer = await post(proxy, { model: 'gpt-5' });
    expect(answer.statusCode).toBe(502);
    expect(JSON.parse((await bodyOf(answer)).toString())).toMatchObject({
      error: { code: 'upstream_unreachable' },
    });
    expect(proxy.proxy.counters.refused.of('upstream_unreachable')).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(proxy.events).toEqual([]);
  });
});

describe('less common HTTP', () => {
  it('ignores what a provider says before its answer', async () => {
    const proxy = await start({
      upstream: (request, response) => {
        request.resume().on('end', () => {
          response.writeEarlyHints({ link: '</x>; rel=preload' });
          response.writeProcessing();
          jsonUpstream(CHAT_ANSWER)(request, response);
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify(CHAT_ANSWER));
        });
      },
    });
    const answer = await post(proxy, { model: 'gpt-5' });
    expect(answer.statusCode).toBe(200);
    expect(JSON.parse((await bodyOf(answer)).toString())).toEqual(CHAT_ANSWER);
  });

  it('passes trailers', async () => {
    const proxy = await start({
      upstream: (request, response) => {
        request.resume().on('end', () => {
          response.writeHead(200, { 'content-type': 'application/json', trailer: 'X-Sum' });
          response.write('{}');
          response.addTrailers({ 'X-Sum': 'abc' });
          response.end();
        });
      },
    });
    const answer = await post(proxy, { model: 'gpt-5' });
    await bodyOf(answer);
    expect(answer.headers['trailer']).toBe('X-Sum');
    expect(answer.rawTrailers).toEqual(['X-Sum', 'abc']);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('passes an answer in %s untouched and meters a copy', async (encoding, compress) => {
    const json = compress(JSON.stringify(CHAT_ANSWER));
    const sse = compress(deltas(3).join('') + USAGE + DONE);
    const proxy = await start({
      upstream: async (request, response) => {
        const { stream } = JSON.parse((await bodyOf(request)).toString());
        const type = stream === true ? SSE : { 'content-type': 'application/json' };
        response.writeHead(200, { ...type, 'content-encoding': encoding });
        response.end(stream === true ? sse : json);
      },
    });
    const first = await post(proxy, { model: 'gpt-5' });
    expect(first.headers['content-encoding']).toBe(encoding);
    expect((await bodyOf(first)).equals(json)).toBe(true);
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({ usageSource: 'reported', inputTokens: 60 });
    const second = await post(proxy, STREAM_REQUEST);
    expect((await bodyOf(second)).equals(sse)).toBe(true);
    const [, event] = await proxy.eventsWhen(2);
    expect(event).toMatchObject({
      usageSource: 'reported',
      inputTokens: 90,
      outputDeltas: 3,
      streamed: true,
    });
  });

  it('meters nothing of a compressed answer that is damaged, and counts the fault', async () => {
    const proxy = await start({
      upstream: (request, response) => {
        request.resume().on('end', () => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
          response.end('not gzip');
        });
      },
    });
    expect((await bodyOf(await post(proxy, {}))).toString()).toBe('not gzip');
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({ outcome: 'ok', usageSource: 'none' });
    expect(proxy.proxy.counters.meteringFaults.of('read')).toBe(1);
  });

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS'])('passes a %s without a body', async (method) => {
    let lengths: (string | undefined)[] = [];
    const proxy = await start({
      upstream: (request, response) => {
        lengths = [request.headers['content-length'], request.headers['transfer-encoding']];
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 7 });
        response.end(method === 'HEAD' ? undefined : '{"a":1}');
      },
    });
    const response = await fetch(`${proxy.url}/openai/v1/models/x`, { method, headers: HEADERS });
    expect(response.headers.get('content-length')).toBe('7');
    expect(await response.text()).toBe(method === 'HEAD' ? '' : '{"a":1}');
    expect(lengths).toEqual([undefined, undefined]);
    expect(await proxy.eventsWhen(1)).toHaveLength(1);
  });

  it.each([204, 304])('passes a %i, which has no body', async (status) => {
    const proxy = await start({
      upstream: (request, response) => {
        request.resume().on('end', () => response.writeHead(status).end());
      },
    });
    const answer = await post(proxy, {});
    expect(answer.statusCode).toBe(status);
    expect((await bodyOf(answer)).length).toBe(0);
  });

  it('passes an empty body, and one that is not JSON, as they are', async () => {
    const bodies: Buffer[] = [];
    const proxy = await start({
      upstream: async (request, response) => {
        bodies.push(await bodyOf(request));
        response.end('{}');
      },
    });
    const url = `${proxy.url}/openai/v1/audio/transcriptions`;
    const form = Buffer.from(
      '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper\r\n--b--\r\n',
    );
    await fetch(url, { method: 'POST', headers: { ...HEADERS, 'content-length': '0' } });
    await fetch(url, {
      method: 'POST',
      headers: { ...HEADERS, 'content-type': 'multipart/form-data; boundary=b' },
      body: form,
    });
    await fetch(url, { method: 'POST', headers: HEADERS, body: '{"stream":true, not json' });
    expect(bodies.map(String)).toEqual(['', form.toString(), '{"stream":true, not json']);
  });

  it('cuts off a streamed upload over the limit', async () => {
    const proxy = await start({
      upstream: (request) => void request.resume(),
      limits: { requestBodyBytesMax: 1000 },
    });
    const status = await fetch(`${proxy.url}/openai/v1/files`, {
      method: 'POST',
      headers: { ...HEADERS, 'content-type': 'application/octet-stream' },
      body: new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(600));
          await new Promise((resolve) => setTimeout(resolve, 5));
        },
      }),
      duplex: 'half',
    }).then(
      ({ status: answered }) => answered,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(status);
    expect(proxy.proxy.counters.refused.of('request_too_large')).toBe(1);
    expect(proxy.events).toEqual([]);
  });

  it('answers an HTTP/1.0 client without chunks', async () => {
    const proxy = await start({
      upstream: (request, response) => {
        request.resume().on('end', () => {
          response.writeHead(200, { 'content-type': 'application/json', trailer: 'x' });
          response.write('{"a":');
          response.end('1}');
        });
      },
    });
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(`GET /openai/v1/models HTTP/1.0\r\nauthorization: Bearer ${PROXY_KEY}\r\n\r\n`);
    const text = (await bodyOf(socket)).toString();
    expect(text.startsWith('HTTP/1.1 200')).toBe(true);
    expect(text.endsWith('\r\n\r\n{"a":1}')).toBe(true);
  });
});

describe('a fault of metering', () => {
  it('never fails a request: an event that cannot be encoded', async () => {
    let calls = 0;
    const proxy = await start({
      upstream: jsonUpstream(CHAT_ANSWER),
      encode: () => {
        calls++;
        throw new TypeError('prompt text in a parser error');
      },
    });
    const answer = await post(proxy, { model: 'gpt-5' });
    expect(JSON.parse((await bodyOf(answer)).toString())).toEqual(CHAT_ANSWER);
    await until(() => (proxy.proxy.counters.eventsLost.of('build') === 1 ? true : null));
    expect(calls).toBe(2);
    expect(proxy.logged()).toContain('TypeError');
    expect(proxy.logged()).not.toContain('prompt text');
  });

  it('is counted and logged when the producer takes no more', async () => {
    const proxy = await start({ upstream: jsonUpstream(CHAT_ANSWER), enqueue: () => false });
    expect((await post(proxy, {})).resume().statusCode).toBe(200);
    await until(() => (proxy.proxy.counters.eventsLost.of('bound') === 1 ? true : null));
    expect(proxy.logged()).toContain('"stage":"bound"');
  });

  it('flags an answer that is too large to be read', async () => {
    const proxy = await start({ upstream: jsonUpstream(CHAT_ANSWER), limits: { answerBytesMax: 100 } });
    expect((await bodyOf(await post(proxy, {}))).length).toBe(JSON.stringify(CHAT_ANSWER).length);
    const [event] = await proxy.eventsWhen(1);
    expect(event).toMatchObject({ usageSource: 'none', usageFlags: USAGE_FLAGS.bodyTooLarge });
    expect(await proxy.metrics()).toContain('meterstone_proxy_held_bytes{service="proxy"} 0');
  });
});

describe('stopping', () => {
  it('lets a request end, takes none after it, and keeps its event', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream });
    const received = await post(proxy, STREAM_REQUEST);
    const response = await answer;
    const closed = proxy.proxy.close();
    response.end(deltas(1).join('') + USAGE + DONE);
    await bodyOf(received);
    await closed;
    expect(proxy.events).toHaveLength(1);
    await expect(post(proxy, {})).rejects.toThrow();
  });

  it('cuts off what does not end in time, and estimates it', async () => {
    const { upstream, answer } = fed();
    const proxy = await start({ upstream, limits: { stopMsMax: 30 } });
    const received = await post(proxy, STREAM_REQUEST);
    (await answer).write(deltas(3).join(''));
    await once(received, 'data');
    const broken = expect(bodyOf(received)).rejects.toThrow();
    await proxy.proxy.close();
    await broken;
    expect(proxy.events).toMatchObject([
      { outcome: 'timeout', errorType: 'proxy_stopped', usageSource: 'estimated' },
    ]);
  });
});
