import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import {
  type Replay,
  type ReplayProvider,
  seededRandom,
  sseBody,
  startReplayProvider,
} from '../support/replay-provider.ts';
import { report, waitForAttempts } from '../support/report.ts';
import { readTopic } from './kafka-records.ts';
import { askSql } from './sql.ts';

/*
 * No key, prompt or completion is stored or logged, whatever happens to a request: everything that the services
 * wrote is searched, at the most talkative log level.
 */

const SYSTEM_KEY = 'sk-provider-secret-0123456789';
const SECRET = {
  prompt: 'prompt-of-the-heron',
  systemPrompt: 'system-prompt-of-the-heron',
  completion: 'completion-of-the-kingfisher',
  brokenCompletion: 'broken-completion-of-the-kingfisher',
  ownKey: 'sk-own-key-of-the-bittern',
  wrongKey: 'mst_wrong-key-of-the-bittern',
  header: 'header-of-the-wagtail',
  cookie: 'cookie-of-the-wagtail',
  query: 'query-of-the-wagtail',
} as const;
/** What may be stored, as attribution, but stands in headers: no log may have it. */
const ATTRIBUTION = {
  user: 'user-of-the-dipper',
  tag: 'tag-of-the-dipper',
  session: 'session-of-the-dipper',
};

let pipeline: Pipeline;
let provider: ReplayProvider;
let attempts = 0;

beforeAll(async () => {
  provider = await startReplayProvider(replays(), seededRandom(7));
  const credential = 'env:TEST_PROVIDER_KEY';
  pipeline = await startPipeline({
    kafkaBrokers: inject('kafkaBrokers'),
    clickhouseUrl: inject('clickhouseUrl'),
    config: {
      providers: {
        openai: { kind: 'openai', base_url: provider.url, credential },
        anthropic: { kind: 'anthropic', base_url: provider.url, credential },
        gone: { kind: 'openai_compatible', base_url: 'http://127.0.0.1:1', credential },
      },
    },
    environment: { METERSTONE_LOG_LEVEL: 'trace' },
  });
  await goodTraffic();
  await badTraffic();
  await reports();
  await waitForAttempts(pipeline, attempts);
});
afterAll(async () => {
  await pipeline?.stop();
  await provider?.close();
});

it('sends prompts and keys to the provider, so that there was something to keep', () => {
  const seen = JSON.stringify(provider.seen);
  for (const secret of [SECRET.prompt, SECRET.systemPrompt, SECRET.ownKey, SECRET.header, SYSTEM_KEY])
    expect(seen).toContain(secret);
});

it('logs none of them, and no header at all', async () => {
  const output = pipeline.output();
  expect(output.length).toBeGreaterThan(1_000);
  expectNone(output, { ...secrets(), ...ATTRIBUTION });
});

it('keeps none of them in what the services leave on disk', () => {
  // What the test itself has put there: the configuration, and the secrets that it refers to.
  const given = new Set(['meterstone.yaml', 'provider-key', 'user-key-secret']);
  const files = readdirSync(pipeline.folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !given.has(entry.name),
  );
  expect(files.length).toBeGreaterThan(3);
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name);
    expectNone(readFileSync(path, 'latin1'), secrets(), path);
  }
});

it('keeps none of them on Kafka', async () => {
  const place = { kafkaBrokers: inject('kafkaBrokers'), kafkaPartitions: 4 };
  const topics = [
    { ...place, topic: `${pipeline.topicPrefix}.usage-events` },
    { ...place, topic: `${pipeline.topicPrefix}.dead-letters`, kafkaPartitions: 1 },
  ];
  const records = (await Promise.all(topics.map(readTopic))).flat(2);
  expect(records.length).toBeGreaterThanOrEqual(attempts);
  const bytes = Buffer.concat(
    records.flatMap(({ key, value }) => [key ?? Buffer.of(), value ?? Buffer.of()]),
  );
  expect(bytes.toString('latin1')).toContain(ATTRIBUTION.user);
  expectNone(bytes.toString('latin1'), secrets());
});

it('keeps none of them in ClickHouse', async () => {
  const tables = await askSql(
    inject('clickhouseUrl'),
    `SELECT name FROM system.tables WHERE database = '${pipeline.database}' AND engine LIKE '%MergeTree'`,
  );
  expect(tables.map((row) => row['name'])).toContain('raw_events');
  for (const { name } of tables) {
    const rows = await askSql(inject('clickhouseUrl'), `SELECT * FROM ${pipeline.database}.${name}`);
    expectNone(JSON.stringify(rows), secrets(), String(name));
  }
});

function secrets(): Record<string, string> {
  const ours = Object.fromEntries(Object.entries(pipeline.key).map(([name, key]) => [`${name} key`, key]));
  return { ...SECRET, ...ours, systemKey: SYSTEM_KEY };
}

function expectNone(text: string, unwanted: Record<string, string>, where = ''): void {
  const found = Object.entries(unwanted).filter(([, secret]) => text.includes(secret));
  expect(
    found.map(([name]) => name),
    where,
  ).toEqual([]);
}

function replays(): Map<string, Replay> {
  const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
  const choice = {
    index: 0,
    message: { role: 'assistant', content: SECRET.completion },
    finish_reason: 'stop',
  };
  const chunk = (delta: object, more: object = {}) =>
    JSON.stringify({
      object: 'chat.completion.chunk',
      model: 'gpt-5',
      choices: [{ index: 0, delta }],
      ...more,
    });
  const chunks = Array.from({ length: 300 }, () => chunk({ content: SECRET.completion }));
  const failure = (status: number, message: string): Replay => ({
    status,
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify({ error: { message, type: 'invalid_request_error', code: 'bad' } })),
  });
  const json = (body: string): Replay => ({ contentType: 'application/json', body: Buffer.from(body) });
  return new Map([
    ['json', json(JSON.stringify({ object: 'chat.completion', model: 'gpt-5', choices: [choice], usage }))],
    [
      'stream',
      {
        contentType: 'text/event-stream',
        body: sseBody([...chunks, chunk({}, { choices: [], usage })], false),
      },
    ],
    [
      'message',
      json(
        JSON.stringify({
          type: 'message',
          model: 'claude-sonnet-4-6',
          content: [{ type: 'text', text: SECRET.completion }],
          usage: { input_tokens: 9, output_tokens: 4 },
        }),
      ),
    ],
    // Providers do quote keys and prompts in their errors.
    ['key-quoted', failure(401, `Incorrect API key provided: ${SYSTEM_KEY}`)],
    ['prompt-quoted', failure(400, `Invalid content: ${SECRET.prompt}`)],
    ['broken-json', json(`{"object":"chat.completion","choices":[{"message":"${SECRET.brokenCompletion}`)],
    [
      'broken-stream',
      {
        contentType: 'text/event-stream',
        body: Buffer.from(`data: {"choices":[{"delta":"${SECRET.brokenCompletion}\n\ndata: {{{\n\n`),
      },
    ],
  ]);
}

const CHAT = '/openai/v1/chat/completions';

interface Sent {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

function send(replay: string, { path = CHAT, headers = {}, body, signal }: Sent = {}): Promise<Response> {
  const request = {
    model: 'gpt-5',
    messages: [
      { role: 'system', content: SECRET.systemPrompt },
      { role: 'user', content: SECRET.prompt },
    ],
    ...(replay.endsWith('stream') ? { stream: true } : {}),
  };
  return fetch(`${pipeline.proxyUrl}${path}?trace=${SECRET.query}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${pipeline.key.proxy}`,
      'content-type': 'application/json',
      'x-replay': replay,
      'x-private': SECRET.header,
      cookie: SECRET.cookie,
      'ai-reporting-user': ATTRIBUTION.user,
      'ai-reporting-tags': ATTRIBUTION.tag,
      'meterstone-session': ATTRIBUTION.session,
      ...headers,
    },
    body: body ?? JSON.stringify(request),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function attempt(replay: string, sent?: Sent): Promise<void> {
  attempts += 1;
  await (await send(replay, sent)).arrayBuffer();
}

async function goodTraffic(): Promise<void> {
  await attempt('json');
  await attempt('stream');
  await attempt('message', { path: '/anthropic/v1/messages' });
  const own = { authorization: `Bearer ${SECRET.ownKey}`, 'x-meterstone-key': pipeline.key.digest };
  await attempt('json', { headers: own });
  const client = new OpenAI({ baseURL: `${pipeline.proxyUrl}/openai/v1`, apiKey: pipeline.key.research });
  attempts += 1;
  const answer = await client.chat.completions.create(
    { model: 'gpt-5', messages: [{ role: 'user', content: SECRET.prompt }] },
    { headers: { 'x-replay': 'json' } },
  );
  expect(answer.choices[0]?.message.content).toBe(SECRET.completion);
}

async function badTraffic(): Promise<void> {
  for (const replay of ['key-quoted', 'prompt-quoted', 'broken-json', 'broken-stream', 'unknown'])
    await attempt(replay);
  await attempt('json', { body: `{"messages": "${SECRET.prompt}` });
  // Refused: no attempt.
  await send('json', { headers: { authorization: `Bearer ${SECRET.wrongKey}` } });
  await send('json', { headers: { authorization: `Bearer ${pipeline.key.report}` } });
  await send('json', { headers: { 'meterstone-plan': SECRET.header } });
  await send('json', { path: `/p/${SECRET.query}/v1/chat/completions` });
  // No connection, so no attempt; the answer says so.
  expect((await send('json', { path: '/p/gone/v1/chat/completions' })).status).toBe(502);
  // The client goes in the middle of the answer.
  attempts += 1;
  const leaving = new AbortController();
  const answer = await send('stream', { signal: leaving.signal });
  await answer.body?.getReader().read();
  leaving.abort();
}

async function reports(): Promise<void> {
  await report(pipeline, { group_by: 'user', user_id: ATTRIBUTION.user, tags: ATTRIBUTION.tag });
  await report(pipeline, { group_by: 'model' }, pipeline.key.admin);
  for (const key of [SECRET.wrongKey, pipeline.key.other, pipeline.key.proxy])
    await report(pipeline, { user: SECRET.query }, key).catch(() => {});
}
