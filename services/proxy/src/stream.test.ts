import { once } from 'node:events';
import { connect } from 'node:net';
import { USAGE_FLAGS } from '@meterstone/metering';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  DONE,
  deltas,
  ESTIMATED_INPUT,
  FINISH,
  fed,
  post,
  SSE,
  STREAM_REQUEST,
  USAGE,
  writeCut,
} from './example-stream.ts';
import { bodyOf, PROXY_KEY, type RunningProxy, type RunningProxyOptions, runProxy } from './running-proxy.ts';

let running: RunningProxy | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(options: RunningProxyOptions): Promise<RunningProxy> {
  running = await runProxy(options);
  return running;
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
