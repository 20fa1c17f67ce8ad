import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import {
  DONE,
  deltas,
  ESTIMATED_INPUT,
  fed,
  HEADERS,
  post,
  STREAM_REQUEST,
  USAGE,
} from '../example-stream.ts';
import {
  bodyOf,
  jsonUpstream,
  type RunningProxy,
  type RunningProxyOptions,
  runProxy,
} from '../running-proxy.ts';

let running: RunningProxy | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(options: RunningProxyOptions): Promise<RunningProxy> {
  running = await runProxy(options);
  return running;
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
    for (let still = 0; still < 10; still = written === before && written > 0 ? still + 1 : 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
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
