import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { USAGE_FLAGS } from '@meterstone/metering';
import { afterEach, describe, expect, it } from 'vitest';
import { DONE, deltas, HEADERS, post, SSE, STREAM_REQUEST, USAGE } from './example-stream.ts';
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
