import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import {
  type Replay,
  type ReplayProvider,
  seededRandom,
  sseBody,
  startReplayProvider,
} from '../support/replay-provider.ts';
import { waitForAttempts } from '../support/report.ts';
import { openTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';

/*
 * Promise 1: the proxy is invisible. What a client receives is what the provider sent, byte for byte: when usage
 * cannot be read, and when Kafka is gone.
 */

/** No answer of the proxy waits for metering; this only ends a test that would hang. */
const ANSWER_MS_MAX = 10_000;
const MESSAGE = 'from the provider, untouched: ünï ✓';

const json = (body: string, status = 200): Replay => ({
  status,
  contentType: 'application/json',
  body: Buffer.from(body),
});
const sse = (body: string | Buffer): Replay => ({
  contentType: 'text/event-stream; charset=utf-8',
  body: Buffer.from(body),
});
const USAGE = { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 };
const chunk = (more: object) => JSON.stringify({ object: 'chat.completion.chunk', model: 'gpt-5', ...more });

const REPLAYS: ReadonlyMap<string, Replay> = new Map([
  [
    'an answer',
    json(
      `{ "object":"chat.completion",\n\t"model":"gpt-5","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"${MESSAGE}"}}], "usage": ${JSON.stringify(USAGE)} }\n`,
    ),
  ],
  [
    'a stream',
    sse(
      sseBody(
        [
          chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: MESSAGE } }] }),
          chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
          chunk({ choices: [], usage: USAGE }),
        ],
        false,
      ),
    ),
  ],
  ['an error', json('{"error":{"message":"slow down","type":"rate_limit_error"}}', 429)],
  ['a fault of the provider', json('<html>bad gateway</html>', 502)],
  ['usage of the wrong type', json('{"object":"chat.completion","choices":[],"usage":"a lot"}')],
  [
    'usage with impossible numbers',
    json('{"object":"chat.completion","usage":{"prompt_tokens":-5,"completion_tokens":1e99}}'),
  ],
  ['no JSON at all', json('{"object":"chat.completion","choices":[{"mess')],
  ['an empty body', json('')],
  ['a broken stream', sse('data: {"choices":[{"del\n\ndata: {{{\r\n\r\n: a comment\n\nevent: nothing\n\n')],
  [
    'a stream without an end',
    sse(`data: ${chunk({ choices: [{ index: 0, delta: { content: MESSAGE } }] })}\n`),
  ],
  [
    'bytes that are no text',
    {
      contentType: 'application/octet-stream',
      body: Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 97) % 256)),
    },
  ],
]);
const NAMES = [...REPLAYS.keys()];

let provider: ReplayProvider;
let kafka: TcpRelay;
let pipeline: Pipeline;

beforeAll(async () => {
  provider = await startReplayProvider(REPLAYS, seededRandom(1));
  kafka = await openTcpRelay({ target: inject('kafkaBrokers').split(',')[0] ?? '', isKafka: true });
  pipeline = await startPipeline({
    kafkaBrokers: kafka.address,
    clickhouseUrl: inject('clickhouseUrl'),
    config: {
      providers: { openai: { kind: 'openai', base_url: provider.url, credential: 'env:TEST_PROVIDER_KEY' } },
    },
  });
});
afterAll(async () => {
  // Without Kafka they would wait for it before they end.
  for (const service of ['proxy', 'aggregator', 'reporting'] as const)
    await pipeline?.kill(service, 'SIGKILL');
  await provider?.close();
  await kafka?.close();
});

describe('while everything works', () => {
  it.each(NAMES)('passes on %s, byte for byte', expectSameAnswer);

  it('has metered each of them', async () => {
    await waitForAttempts(pipeline, NAMES.length);
  });
});

describe('while Kafka is gone', () => {
  let before: Metrics;
  beforeAll(async () => {
    before = await metrics();
    await kafka.close();
  });

  it.each(NAMES)('passes on %s, byte for byte', expectSameAnswer);

  it('serves the official client', async () => {
    const client = new OpenAI({ baseURL: `${pipeline.proxyUrl}/openai/v1`, apiKey: pipeline.key.proxy });
    const request = { model: 'gpt-5', messages: [{ role: 'user' as const, content: 'hello' }] };
    const answer = await client.chat.completions.create(request, { headers: { 'x-replay': 'an answer' } });
    expect(answer.choices[0]?.message.content).toBe(MESSAGE);
    const stream = await client.chat.completions.create(
      { ...request, stream: true, stream_options: { include_usage: true } },
      { headers: { 'x-replay': 'a stream' } },
    );
    const chunks = await Array.fromAsync(stream);
    expect(chunks[0]?.choices[0]?.delta.content).toBe(MESSAGE);
    expect(chunks.at(-1)?.usage).toEqual(USAGE);
  });

  it('counts every attempt, holds its events and says that Kafka fails', async () => {
    const added = NAMES.length + 2;
    await expect.poll(metrics, { timeout: 15_000, interval: 200 }).toMatchObject({
      attempts: before.attempts + added,
      events: before.events + added,
      kafkaFails: 1,
      lost: 0,
    });
    const { pendingBytes, acknowledged } = await metrics();
    expect(pendingBytes).toBeGreaterThan(0);
    expect(acknowledged).toBe(before.acknowledged);
  });

  it('stays ready: requests are served whatever Kafka does', async () => {
    expect((await fetch(`${pipeline.proxyUrl}/readyz`)).status).toBe(200);
  });
});

/** The same request to the provider itself and through the proxy. */
async function expectSameAnswer(name: string): Promise<void> {
  const direct = await ask(`${provider.url}/v1/chat/completions`, name);
  const proxied = await ask(`${pipeline.proxyUrl}/openai/v1/chat/completions`, name);
  expect(proxied.status).toBe(direct.status);
  expect(proxied.body.equals(direct.body), 'the same bytes').toBe(true);
  expect(proxied.headers).toEqual(direct.headers);
  expect(proxied.generationId).toMatch(/^gen_/);
}

async function ask(url: string, name: string) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${pipeline.key.proxy}`,
      'content-type': 'application/json',
      'x-replay': name,
    },
    // The caller asks for the usage chunk, so that none is taken out.
    body: '{"model":"gpt-5","messages":[],"stream_options":{"include_usage":true}}',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  const own = /^(date|connection|keep-alive|transfer-encoding|meterstone-.*)$/;
  return {
    status: answer.status,
    body: Buffer.from(await answer.arrayBuffer()),
    headers: Object.fromEntries([...answer.headers].filter(([header]) => !own.test(header))),
    generationId: answer.headers.get('meterstone-generation-id'),
  };
}

type Metrics = Awaited<ReturnType<typeof metrics>>;

async function metrics() {
  const text = await (await fetch(`${pipeline.proxyUrl}/metrics`)).text();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^meterstone_proxy_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (all, [, value]) => all + Number(value),
      0,
    );
  return {
    attempts: sum('attempts_total'),
    events: sum('events_total'),
    lost: sum('events_lost_total'),
    acknowledged: sum('events_acknowledged_total'),
    pendingBytes: sum('pending_bytes'),
    kafkaFails: sum('kafka_failing'),
  };
}
