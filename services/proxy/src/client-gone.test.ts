import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  chunkOf,
  DONE,
  deltas,
  ESTIMATED_INPUT,
  fed,
  HEADERS,
  post,
  STREAM_REQUEST,
  USAGE,
} from './example-stream.ts';
import {
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

function drainingIn(proxy: RunningProxy): boolean {
  return proxy.proxy.draining() > 0;
}

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
