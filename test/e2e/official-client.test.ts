import { createCustomers, demoConfigYaml, SCENARIO, startDemoProvider } from '@meterstone/demo';
import { bucketColumn, type TokenBucket } from '@meterstone/metering';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { loadOfficialClient, type OfficialClient } from '../../services/reporting/src/official-client.ts';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import { aroundToday, waitForAttempts } from '../support/report.ts';
import { openTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';
import { askSql, type SqlRow } from './sql.ts';

/*
 * Vercel's official client works unchanged, and what it is told is what ClickHouse's raw table sums to.
 */

const {
  createGateway,
  GatewayAuthenticationError,
  GatewayForbiddenError,
  GatewayInternalServerError,
  GatewayInvalidRequestError,
} = await loadOfficialClient();

const RANGE = { startDate: aroundToday().start_date, endDate: aroundToday().end_date };
const OWN_KEY_CALLS = 2;

let pipeline: Pipeline;
let clickhouse: TcpRelay;
let closeProvider: () => Promise<void>;
let generationId = '';

beforeAll(async () => {
  let ids = 0;
  const provider = await startDemoProvider({
    host: '127.0.0.1',
    port: 0,
    now: Date.now,
    nextId: () => String(ids++),
  });
  closeProvider = provider.close;
  clickhouse = await openTcpRelay({ target: new URL(inject('clickhouseUrl')).host });
  const none = { apiKey: '', reportKey: '', adminKey: '', demo: { web: '', digest: '', research: '' } };
  const { keys: _keys, ...org } = parse(demoConfigYaml(none, provider.url, '')).orgs.demo;
  const credential = 'env:TEST_PROVIDER_KEY';
  pipeline = await startPipeline({
    kafkaBrokers: inject('kafkaBrokers'),
    clickhouseUrl: `http://${clickhouse.address}`,
    config: {
      providers: {
        openai: { kind: 'openai', base_url: provider.url, credential },
        anthropic: { kind: 'anthropic', base_url: provider.url, credential },
      },
      org: { ...org, byok_fee_per_request: '0.0001' },
    },
  });
  const keys = { web: pipeline.key.proxy, digest: pipeline.key.digest, research: pipeline.key.research };
  const call = createCustomers({ proxyUrl: pipeline.proxyUrl, keys });
  for (const one of SCENARIO) await call(one);
  for (let index = 0; index < OWN_KEY_CALLS; index++) generationId = await callWithOwnKey();
  await waitForAttempts(pipeline, SCENARIO.length + OWN_KEY_CALLS);
});
afterAll(async () => {
  await pipeline?.stop();
  await closeProvider?.();
  await clickhouse?.close();
});

describe('the spend report', () => {
  it.each([
    ['day', 'day', "formatDateTime(occurred_at, '%F')"],
    ['user', 'user', 'user'],
    ['model', 'model', 'model'],
    ['tag', 'tag', "arrayJoin(if(empty(tags), [''], tags))"],
    ['provider', 'provider', 'provider'],
    ['credential_type', 'credentialType', 'toString(credential_type)'],
  ])('by %s is what raw sums to', async (groupBy, field, expression) => {
    const { results } = await client().getSpendReport({ ...RANGE, groupBy });
    const expected = await sumsBy(field, expression);
    expect(expected.length).toBeGreaterThan(0);
    expect(sorted(results, field)).toEqual(sorted(expected, field));
  });

  it('by hour, and by a filter', async () => {
    const hours = await client().getSpendReport({ ...RANGE, groupBy: 'day', datePart: 'hour' });
    expect(hours.results).toEqual(await sumsBy('hour', "formatDateTime(occurred_at, '%FT%H')"));
    const filters = { userId: 'initech', provider: 'openai', tags: ['env:prod'] };
    const filtered = await client().getSpendReport({ ...RANGE, groupBy: 'model', ...filters });
    const where = "user = 'initech' AND provider = 'openai' AND has(tags, 'env:prod')";
    const expected = await sumsBy('model', 'model', where);
    expect(expected).toHaveLength(2);
    expect(sorted(filtered.results, 'model')).toEqual(sorted(expected, 'model'));
  });
});

it('gets the credits: what was bought less what raw says was spent', async () => {
  const [row] = await sql(
    `SELECT toString(sum(total_cost)) AS spent, toString(100 - sum(total_cost)) AS left`,
  );
  const credits = await client().getCredits();
  expect(credits).toEqual({ balance: row?.['left'], totalUsed: row?.['spent'] });
});

it('gets a generation by the id that its answer carried', async () => {
  const [row] = await sql(
    `SELECT * , toUnixTimestamp64Milli(occurred_at) AS at`,
    `generation_id = '${generationId}'`,
  );
  if (row === undefined) throw new Error(`raw has no ${generationId}`);
  expect(row).toMatchObject({ credential_type: 'byok', total_cost: '0.0001', surcharge_cost: '0.0001' });
  expect(await client().getGenerationInfo({ id: generationId })).toMatchObject({
    id: generationId,
    totalCost: Number(row['total_cost']),
    marketCost: Number(row['market_cost']),
    upstreamInferenceCost: Number(row['market_cost']),
    createdAt: new Date(Number(row['at'])).toISOString(),
    model: row['model'],
    isByok: true,
    providerName: row['provider'],
    streamed: row['streamed'],
    finishReason: row['finish_reason'],
    generationTime: row['duration_ms'],
    promptTokens: Number(row['input_tokens']),
    completionTokens: Number(row['output_tokens']),
    reasoningTokens: Number(row['reasoning_tokens']),
    cachedTokens: Number(row['cache_read_tokens']),
  });
});

it('gets the models, with a price for each that raw has priced', async () => {
  const { models } = await client().getAvailableModels();
  const priced = await sql('SELECT DISTINCT model', 'market_cost IS NOT NULL AND market_cost > 0');
  expect(priced).toHaveLength(3);
  for (const { model } of priced) {
    // Raw has `creator/name`; the list has it by provider and by the provider's own name for it.
    const name = String(model).split('/')[1]?.replaceAll('.', '-') ?? '';
    const found = models.find(({ id }) => id.replaceAll('.', '-').endsWith(`/${name}`));
    expect(found?.pricing, String(model)).toMatchObject({
      input: expect.any(String),
      output: expect.any(String),
    });
  }
});

describe('errors are of the class that the client has for them', () => {
  it('400, 401 and 403', async () => {
    const backwards = { startDate: RANGE.endDate, endDate: RANGE.startDate };
    await expectError(client().getSpendReport(backwards), GatewayInvalidRequestError, 400);
    await expectError(client().getGenerationInfo({ id: 'x' }), GatewayInvalidRequestError, 400);
    await expectError(client('mst_wrong').getSpendReport(RANGE), GatewayAuthenticationError, 401);
    await expectError(client(pipeline.key.proxy).getSpendReport(RANGE), GatewayForbiddenError, 403);
    await expectError(client(pipeline.key.proxy).getCredits(), GatewayForbiddenError, 403);
  });

  it('503 once ClickHouse has stopped, which may be tried again', async () => {
    await clickhouse.close();
    await expectError(client().getSpendReport(RANGE), GatewayInternalServerError, 503);
    await expect(client().getCredits()).rejects.toMatchObject({ statusCode: 503, isRetryable: true });
  });
});

function client(apiKey = pipeline.key.report): OfficialClient {
  return createGateway({ baseURL: `${pipeline.reportingUrl}/v4/ai`, apiKey });
}

/** The caller's own key pays the provider: a market price, and our fee as total cost. */
async function callWithOwnKey(): Promise<string> {
  const answer = await fetch(`${pipeline.proxyUrl}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer sk-the-callers-own',
      'x-meterstone-key': pipeline.key.research,
      'content-type': 'application/json',
    },
    body: '{"model":"gpt-5-mini-2025-08-07","messages":[{"role":"user","content":"one two three"}]}',
  });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
  return answer.headers.get('meterstone-generation-id') ?? '';
}

const sumOf = (...buckets: TokenBucket[]) => `toString(sum(${buckets.map(bucketColumn).join(' + ')}))`;
const COLUMNS: Readonly<Record<string, string>> = {
  totalCost: 'toString(ifNull(sum(total_cost), 0))',
  marketCost: 'toString(ifNull(sum(market_cost), 0))',
  inputTokens: sumOf('inputTokens', 'inputAudioTokens', 'inputImageTokens', 'inputVideoTokens'),
  outputTokens: sumOf('outputTokens', 'outputAudioTokens', 'outputImageTokens'),
  cachedInputTokens: sumOf('cacheReadTokens', 'cacheReadAudioTokens'),
  cacheCreationInputTokens: sumOf('cacheWriteTokens', 'cacheWrite5mTokens', 'cacheWrite1hTokens'),
  reasoningTokens: sumOf('reasoningTokens'),
  requestCount: 'toString(countIf(final AND line = 0))',
};

/** What the client must be told, by plain SQL over raw. */
async function sumsBy(field: string, expression: string, where = '1'): Promise<SqlRow[]> {
  const sums = Object.entries(COLUMNS).map(([name, sum]) => `${sum} AS ${name}`);
  const rows = await sql(
    `SELECT ${expression} AS group_key, ${sums.join(', ')}`,
    `${where} GROUP BY group_key ORDER BY group_key`,
  );
  return rows.map(({ group_key, ...numbers }) => ({
    [field]: group_key,
    ...Object.fromEntries(Object.entries(numbers).map(([name, text]) => [name, Number(text)])),
  }));
}

/** Raw, with the users' names beside their keys. */
function sql(select: string, where = '1'): Promise<readonly SqlRow[]> {
  const from = `${pipeline.database}.usage_events`;
  return askSql(inject('clickhouseUrl'), `${select} FROM ${from} WHERE org_id = 'demo' AND ${where}`);
}

function sorted(rows: readonly SqlRow[], field: string): SqlRow[] {
  return rows.toSorted((a, b) => (String(a[field]) < String(b[field]) ? -1 : 1));
}

async function expectError(
  asked: Promise<unknown>,
  errorClass: abstract new (...parts: never[]) => Error,
  statusCode: number,
): Promise<void> {
  await expect(asked).rejects.toBeInstanceOf(errorClass);
  await expect(asked).rejects.toMatchObject({ statusCode });
}
