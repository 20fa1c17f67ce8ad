import { request } from 'node:http';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import { type ReplayProvider, startReplayProvider } from '../support/replay-provider.ts';
import { aroundToday, waitForAttempts } from '../support/report.ts';
import { openTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';
import { readTopic } from './kafka-records.ts';
import { askSql } from './sql.ts';

/*
 * Bad input: each a coded error with the standard status and a message that says what to change, and none of
 * them leaves an event. An event exists from the moment that bytes go to a provider.
 */

let pipeline: Pipeline;
let provider: ReplayProvider;
let clickhouse: TcpRelay;

beforeAll(async () => {
  const body = Buffer.from(
    '{"object":"chat.completion","model":"gpt-5","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}',
  );
  provider = await startReplayProvider(
    new Map([['good', { contentType: 'application/json', body }]]),
    () => 0,
  );
  clickhouse = await openTcpRelay({ target: new URL(inject('clickhouseUrl')).host });
  const credential = 'env:TEST_PROVIDER_KEY';
  pipeline = await startPipeline({
    kafkaBrokers: inject('kafkaBrokers'),
    clickhouseUrl: `http://${clickhouse.address}`,
    config: {
      providers: {
        openai: { kind: 'openai', base_url: provider.url, credential },
        anthropic: { kind: 'anthropic', base_url: provider.url, credential },
      },
      org: { rate_plans: { pro: [{ from: '2025-01-01', multiplier: '1.25' }] } },
    },
  });
});
afterAll(async () => {
  await pipeline?.stop();
  await provider?.close();
  await clickhouse?.close();
});

const CHAT = '/openai/v1/chat/completions';
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** The shape of every error, on every door. */
interface ErrorAnswer {
  readonly error: Readonly<Record<'message' | 'type' | 'code' | 'param', string>>;
}

interface BadRequest {
  readonly path?: string;
  readonly key?: (key: Pipeline['key']) => string | null;
  readonly headers?: Record<string, string>;
  readonly body?: object;
}

/** name, request, status, code, what the message names */
const REFUSED: readonly [string, BadRequest, number, string, RegExp][] = [
  ['no key', { key: () => null }, 401, 'missing_api_key', /send a Meterstone key .* x-meterstone-key/],
  ['a wrong key', { key: () => 'mst_wrong' }, 401, 'invalid_api_key', /not a Meterstone key/],
  ['a key of the provider', { key: () => 'sk-own-0123456789' }, 401, 'invalid_api_key', /Meterstone key/],
  ['a key without the scope', { key: ({ report }) => report }, 403, 'missing_scope', /scope "proxy"/],
  [
    'an unknown provider',
    { path: '/p/nobody/v1/chat/completions' },
    404,
    'provider_not_found',
    /path.*provider/,
  ],
  [
    'a provider without configuration',
    { path: '/google/v1beta/models' },
    404,
    'provider_not_found',
    /provider/,
  ],
  [
    "an unknown prefix of the model's name",
    { path: '/v1/chat/completions', body: { model: 'nobody/gpt-5' } },
    404,
    'model_not_found',
    /prefix is not a provider/,
  ],
  ['a path that leads nowhere', { path: '/v2/chat' }, 404, 'path_not_found', /path/],
  [
    'an over-long user',
    { headers: { 'ai-reporting-user': 'u'.repeat(257) } },
    400,
    'invalid_header',
    /ai-reporting-user is over 256/,
  ],
  [
    'an over-long tag',
    { headers: { 'ai-reporting-tags': `a,${'t'.repeat(65)}` } },
    400,
    'invalid_header',
    /1 to 64 characters/,
  ],
  ['an empty tag', { headers: { 'ai-reporting-tags': 'a,,b' } }, 400, 'invalid_header', /1 to 64 characters/],
  [
    'too many tags',
    { headers: { 'ai-reporting-tags': Array.from({ length: 11 }, (_, i) => `t${i}`).join(',') } },
    400,
    'invalid_header',
    /at most 10 tags/,
  ],
  [
    'an over-long project',
    { headers: { 'meterstone-project': 'p'.repeat(65) } },
    400,
    'invalid_header',
    /meterstone-project is over 64/,
  ],
  [
    'an over-long session',
    { headers: { 'meterstone-session': 's'.repeat(129) } },
    400,
    'invalid_header',
    /meterstone-session is over 128/,
  ],
  [
    'an over-long agent',
    { headers: { 'meterstone-agent': 'a'.repeat(65) } },
    400,
    'invalid_header',
    /meterstone-agent is over 64/,
  ],
  [
    'an over-long operation',
    { headers: { 'meterstone-operation-id': 'o'.repeat(65) } },
    400,
    'invalid_header',
    /meterstone-operation-id is over 64/,
  ],
  [
    'an unknown plan',
    { headers: { 'meterstone-plan': 'platinum' } },
    400,
    'unknown_plan',
    /meterstone-plan names no rate plan/,
  ],
  [
    'a user of the wrong type in the body',
    { body: { model: 'm', providerOptions: { gateway: { user: 7 } } } },
    400,
    'invalid_attribution',
    /providerOptions\.gateway/,
  ],
  [
    'an over-long user in the body',
    { body: { model: 'm', providerOptions: { gateway: { user: 'u'.repeat(257) } } } },
    400,
    'invalid_attribution',
    /providerOptions\.gateway\.user is over 256/,
  ],
  ['a door that is not open yet', { path: '/v1/events' }, 501, 'not_implemented', /not open yet/],
];

describe('the proxy refuses', () => {
  it.each(REFUSED)('%s', async (_name, bad, status, code, message) => {
    const key = bad.key === undefined ? pipeline.key.proxy : bad.key(pipeline.key);
    const answer = await fetch(pipeline.proxyUrl + (bad.path ?? CHAT), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-replay': 'good',
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...bad.headers,
      },
      body: JSON.stringify(bad.body ?? { model: 'gpt-5', messages: [] }),
    });
    const { error } = (await answer.json()) as ErrorAnswer;
    expect({ status: answer.status, code: error.code }).toEqual({ status, code });
    expect(error.message).toMatch(message);
    expect(error.type).toMatch(/_error$/);
    expect(answer.headers.get('meterstone-generation-id')).toBeNull();
  });

  it('a header that is given twice', async () => {
    const headers = ['ai-reporting-user', 'a', 'ai-reporting-user', 'b', 'content-length', '0'];
    const { status, text } = await send({ headers });
    expect(status).toBe(400);
    expect(JSON.parse(text).error).toMatchObject({ code: 'invalid_header' });
  });

  it('a path that climbs out of its folder', async () => {
    const { status, text } = await send({
      path: '/openai/v1/%2e%2e/admin',
      headers: ['content-length', '0'],
    });
    expect(status).toBe(400);
    expect(JSON.parse(text).error).toMatchObject({ code: 'invalid_request' });
  });

  it('a body over the limit, before it is sent', async () => {
    const { status, text } = await send({
      headers: ['content-length', String(BODY_BYTES_MAX + 1)],
      begun: '{"model":"m",',
    });
    expect(status).toBe(413);
    expect(JSON.parse(text).error).toMatchObject({
      code: 'request_too_large',
      message: expect.stringContaining(String(BODY_BYTES_MAX)),
    });
  });

  it('so that the official OpenAI client throws its own class for each', async () => {
    const ask = (apiKey: string, model = 'gpt-5', headers: Record<string, string> = {}) =>
      new OpenAI({ baseURL: `${pipeline.proxyUrl}/v1`, apiKey, maxRetries: 0 }).chat.completions.create(
        { model, messages: [] },
        { headers: { 'x-replay': 'good', ...headers } },
      );
    const { proxy, report } = pipeline.key;
    await expectClass(ask('mst_wrong'), OpenAI.AuthenticationError, 'invalid_api_key');
    await expectClass(ask(report), OpenAI.PermissionDeniedError, 'missing_scope');
    await expectClass(ask(proxy, 'nobody/gpt-5'), OpenAI.NotFoundError, 'model_not_found');
    await expectClass(
      ask(proxy, 'gpt-5', { 'meterstone-plan': 'platinum' }),
      OpenAI.BadRequestError,
      'unknown_plan',
    );
  });

  it('so that the official Anthropic client throws its own class', async () => {
    const client = new Anthropic({
      baseURL: `${pipeline.proxyUrl}/anthropic`,
      apiKey: 'mst_wrong',
      maxRetries: 0,
    });
    const asked = client.messages.create({ model: 'claude', max_tokens: 1, messages: [] });
    await expect(asked).rejects.toSatisfy(
      (error) => error instanceof Anthropic.AuthenticationError && /not a Meterstone key/.test(error.message),
    );
  });
});

const DAYS = 'start_date=2026-11-01&end_date=2026-11-30';

/** name, path and query, status, type, parameter at fault, what the message says */
const BAD_QUESTIONS: readonly [string, string, number, string, string | undefined, RegExp][] = [
  [
    'no first day',
    '/v1/report?end_date=2026-11-30',
    400,
    'invalid_request_error',
    'start_date',
    /required, as YYYY-MM-DD/,
  ],
  ['no last day', '/v1/report?start_date=2026-11-30', 400, 'invalid_request_error', 'end_date', /required/],
  [
    'a day in another form',
    '/v1/report?start_date=1.11.2026&end_date=2026-11-30',
    400,
    'invalid_request_error',
    'start_date',
    /YYYY-MM-DD/,
  ],
  [
    'a day that no month has',
    '/v1/report?start_date=2026-02-30&end_date=2026-11-30',
    400,
    'invalid_request_error',
    'start_date',
    /day of the calendar/,
  ],
  [
    'an end before the start',
    '/v1/report?start_date=2026-11-30&end_date=2026-11-01',
    400,
    'invalid_request_error',
    'end_date',
    /is before start_date 2026-11-30/,
  ],
  [
    'an unknown parameter',
    `/v1/report?${DAYS}&usr_id=x`,
    400,
    'invalid_request_error',
    'usr_id',
    /Unknown parameter usr_id.*user_id/,
  ],
  [
    'an unknown grouping',
    `/v1/report?${DAYS}&group_by=colour`,
    400,
    'invalid_request_error',
    'group_by',
    /must be one of day, user, model/,
  ],
  [
    'an unknown grain',
    `/v1/report?${DAYS}&date_part=week`,
    400,
    'invalid_request_error',
    'date_part',
    /day or hour/,
  ],
  [
    'a parameter given twice',
    `/v1/report?${DAYS}&model=a&model=b`,
    400,
    'invalid_request_error',
    'model',
    /give it once/,
  ],
  ['an empty tag', `/v1/report?${DAYS}&tags=a,,b`, 400, 'invalid_request_error', 'tags', /empty tag/],
  ['a limit of nothing', `/v1/report?${DAYS}&limit=0`, 400, 'invalid_request_error', 'limit', /1 to 100000/],
  [
    'a credential type of its own',
    `/v1/report?${DAYS}&credential_type=mine`,
    400,
    'invalid_request_error',
    'credential_type',
    /byok or system/,
  ],
  ['no generation id', '/v1/generation', 400, 'invalid_request_error', 'id', /meterstone-generation-id/],
  [
    'a malformed generation id',
    '/v1/generation?id=gen_1',
    400,
    'invalid_request_error',
    'id',
    /gen_ and a ULID/,
  ],
  [
    'an unknown generation',
    '/v1/generation?id=gen_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    404,
    'not_found',
    'id',
    /No generation/,
  ],
  ['an unknown path', '/v1/reports', 404, 'not_found', undefined, /GET \/v1\/report/],
];

describe('reporting refuses', () => {
  it.each(BAD_QUESTIONS)('%s', async (_name, path, status, type, param, message) => {
    const { status: given, error } = await askReporting(path, pipeline.key.report);
    expect({ status: given, type: error['type'], param: error['param'] }).toEqual({ status, type, param });
    expect(error['message']).toMatch(message);
  });

  it.each([
    ['no key', () => null, 401, 'authentication_error', /Authorization: Bearer/],
    ['a wrong key', () => 'mst_wrong', 401, 'authentication_error', /Unknown API key/],
    [
      'a key without the scope',
      (key: Pipeline['key']) => key.proxy,
      403,
      'forbidden',
      /"web" lacks the scope "report"/,
    ],
  ] as const)('%s', async (_name, keyOf, status, type, message) => {
    for (const path of [`/v1/report?${DAYS}`, '/v1/credits', '/v1/generation?id=x']) {
      const { status: given, error } = await askReporting(path, keyOf(pipeline.key));
      expect({ status: given, type: error['type'] }, path).toEqual({ status, type });
      expect(error['message']).toMatch(message);
    }
  });

  it('a method that it does not have', async () => {
    const answer = await fetch(`${pipeline.reportingUrl}/v1/report`, { method: 'POST' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toContain('GET');
    expect(await answer.json()).toMatchObject({ error: { type: 'method_not_allowed' } });
  });
});

describe('none of that', () => {
  it('has reached a provider or left an event', async () => {
    expect(provider.seen).toEqual([]);
    // One good request, after which whatever the bad ones had left would be there too.
    const answer = await fetch(pipeline.proxyUrl + CHAT, {
      method: 'POST',
      headers: { authorization: `Bearer ${pipeline.key.proxy}`, 'x-replay': 'good' },
      body: '{"model":"gpt-5","messages":[]}',
    });
    expect(answer.status).toBe(200);
    await waitForAttempts(pipeline, 1);
    const place = { kafkaBrokers: inject('kafkaBrokers'), kafkaPartitions: 4 };
    const events = await readTopic({ ...place, topic: `${pipeline.topicPrefix}.usage-events` });
    expect(events.flat()).toHaveLength(1);
    const letters = `${pipeline.topicPrefix}.dead-letters`;
    expect((await readTopic({ ...place, topic: letters, kafkaPartitions: 1 })).flat()).toEqual([]);
    const raw = `SELECT count() AS rows FROM ${pipeline.database}.raw_events`;
    expect(await askSql(inject('clickhouseUrl'), raw)).toEqual([{ rows: '1' }]);
  });

  it('goes uncounted', async () => {
    const metrics = await (await fetch(`${pipeline.proxyUrl}/metrics`)).text();
    for (const code of new Set(REFUSED.map(([, , , refusedCode]) => refusedCode)))
      expect(metrics).toMatch(new RegExp(`refused_total\\{code="${code}"[^}]*\\} [1-9]`));
  });
});

it('answers 503 while ClickHouse is gone, and the proxy goes on', async () => {
  await clickhouse.close();
  const { start_date, end_date } = aroundToday();
  for (const path of [`/v1/report?start_date=${start_date}&end_date=${end_date}`, '/v1/credits']) {
    const { status, error } = await askReporting(path, pipeline.key.report);
    expect({ status, type: error['type'] }, path).toEqual({ status: 503, type: 'service_unavailable' });
    expect(error['message']).toMatch(/usage store does not answer.*Try again/);
  }
  await expect.poll(async () => (await fetch(`${pipeline.reportingUrl}/readyz`)).status).toBe(503);
  expect((await fetch(`${pipeline.reportingUrl}/healthz`)).status).toBe(200);
  expect((await fetch(`${pipeline.proxyUrl}/readyz`)).status).toBe(200);
});

async function askReporting(
  path: string,
  key: string | null,
): Promise<{ status: number; error: ErrorAnswer['error'] }> {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };
  const answer = await fetch(pipeline.reportingUrl + path, { headers });
  const { error } = (await answer.json()) as ErrorAnswer;
  return { status: answer.status, error };
}

/** A request exactly as it is written here, whose answer may come before its end. */
function send(raw: {
  path?: string;
  headers: readonly string[];
  begun?: string;
}): Promise<{ status: number; text: string }> {
  const { host, hostname, port } = new URL(pipeline.proxyUrl);
  const headers = ['host', host, 'authorization', `Bearer ${pipeline.key.proxy}`, ...raw.headers];
  const options = { hostname, port, path: raw.path ?? CHAT, method: 'POST', headers };
  return new Promise((resolve, reject) => {
    const sent = request(options, async (answer) => {
      const text = (await answer.setEncoding('utf8').toArray()).join('');
      resolve({ status: answer.statusCode ?? 0, text });
      sent.destroy();
    });
    sent.on('error', reject);
    if (raw.begun === undefined) sent.end();
    else sent.write(raw.begun);
  });
}

async function expectClass(
  asked: Promise<unknown>,
  errorClass: abstract new (...parts: never[]) => Error,
  code: string,
): Promise<void> {
  await expect(asked).rejects.toSatisfy((error) => error instanceof errorClass);
  await expect(asked).rejects.toMatchObject({ code });
}
