import { randomBytes } from 'node:crypto';
import { type Rating, type UsageEvent, uuidToGenerationId } from '@meterstone/metering';
import {
  appendRawRow,
  createRawBlock,
  createStoreClient,
  insertRawBlock,
  insertUsers,
  migrate,
  type StoreClient,
  userKey,
} from '@meterstone/store';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  EXAMPLE_KEYS,
  EXAMPLE_NOW,
  type ExampleServer,
  exampleEvent,
  exampleRating,
  exampleServer,
} from './example.ts';
import { loadOfficialClient, type OfficialClient } from './official-client.ts';

const DAY_MS = 86_400_000;
const SECRET = Buffer.from('a secret of thirty-two characters');
const DATABASE = `reporting_${randomBytes(4).toString('hex')}`;
const RANGE = { startDate: '2026-11-20', endDate: '2026-11-30' };
const RANGE_QUERY = 'start_date=2026-11-20&end_date=2026-11-30';

interface Stored {
  readonly event: UsageEvent;
  readonly rating: Rating;
}

const USERS = ['jane', 'joe', 'ünï/cødé ?&', null];
const MODELS = ['openai/gpt-5', 'anthropic/claude-sonnet-4.6'];
const CREDENTIALS = ['system', 'byok', 'subscription', 'reserved'] as const;

/** Every combination of facts many times over, from arithmetic alone: the same rows in each run. */
const STORED: readonly Stored[] = Array.from({ length: 240 }, (_, i) => {
  const credentialType = CREDENTIALS[i % 4] ?? 'system';
  const unpriced = i % 40 === 7;
  const model = unpriced ? 'own/unknown' : (MODELS[i % 2] ?? '');
  const market = unpriced ? null : BigInt(1 + i * 7919) * 1_000_003n;
  const ownKey = credentialType === 'byok' || credentialType === 'subscription';
  const total = unpriced ? null : ownKey ? 100_000_000n : market;
  return {
    event: exampleEvent(i, {
      line: i % 30 === 11 ? 1 : 0,
      final: i % 5 !== 3,
      occurredAt: EXAMPLE_NOW + (i % 3) * DAY_MS + (i % 7) * 3_600_000 + i,
      user: USERS[i % 4] ?? null,
      tags: i % 6 === 0 ? [] : i % 6 < 4 ? ['feature:chat'] : ['env:prod', 'feature:chat'],
      provider: i % 2 === 0 ? 'openai' : 'anthropic',
      credentialType,
      zeroDataRetention: i % 9 === 0,
      apiKeyId: ['key_proxy', 'key_report', 'key_gone'][i % 3] ?? null,
      project: i % 2 === 0 ? 'chat' : null,
      serviceTier: i % 8 === 0 ? 'priority' : 'standard',
      inputTokens: 100 + i,
      cacheReadTokens: i % 11,
      cacheWrite5mTokens: i % 13,
      outputTokens: 10 + i,
      reasoningTokens: i % 17,
    }),
    rating: exampleRating({
      model,
      marketCost: market,
      totalCost: total,
      surchargeCost: unpriced ? null : ownKey ? 100_000_000n : 0n,
      charge: market === null ? null : (market * 12n) / 10n,
      unpricedReason: unpriced ? 'unknown_model' : null,
      plan: i % 10 === 0 ? 'pro' : 'starter',
    }),
  };
});

const OTHER_ORG: readonly Stored[] = [
  { event: exampleEvent(900, { orgId: 'other', user: 'jane' }), rating: exampleRating() },
];

let server: ExampleServer;
let admin: StoreClient;
let url = '';

beforeAll(async () => {
  const clickhouseUrl = inject('clickhouseUrl');
  admin = createStoreClient({ url: clickhouseUrl, username: 'default', password: '', database: DATABASE });
  await migrate({ client: admin, database: DATABASE });
  const block = createRawBlock();
  for (const [offset, { event, rating }] of [...STORED, ...OTHER_ORG].entries()) {
    const key = userKey(SECRET, event.orgId, event.user);
    const coordinates = { stream: 1, kafkaPartition: 0, kafkaOffset: offset };
    appendRawRow(block, { event, rating, userKey: key, coordinates });
  }
  const named = [...STORED, ...OTHER_ORG].flatMap(({ event: { orgId, user } }) =>
    user === null ? [] : [{ orgId, user, userKey: userKey(SECRET, orgId, user) }],
  );
  await insertUsers({ client: admin, users: named });
  await insertRawBlock({ client: admin, block, token: 'one' });
  server = await exampleServer({
    clickhouseUrl,
    database: DATABASE,
    ...(await restrictedUser(clickhouseUrl)),
  });
  url = await server.app.listen({ host: '127.0.0.1', port: 0 });
});

afterAll(async () => {
  await server?.close();
  await admin?.close();
});

/** The user that reporting has in production, with its rights and bounds; an existing ClickHouse may lack it. */
async function restrictedUser(clickhouseUrl: string): Promise<{ username?: string }> {
  const headers = { 'x-clickhouse-user': 'report', 'x-clickhouse-key': 'report' };
  const { ok } = await fetch(`${clickhouseUrl}/?query=SELECT+1`, { headers });
  return ok ? { username: 'report' } : {};
}

const {
  createGateway,
  GatewayAuthenticationError,
  GatewayForbiddenError,
  GatewayInternalServerError,
  GatewayInvalidRequestError,
} = await loadOfficialClient();

function gateway(key: string = EXAMPLE_KEYS.report): OfficialClient {
  return createGateway({ baseURL: `${url}/v4/ai`, apiKey: key });
}

type Row = Record<string, string | number>;

async function report(query: string, key: string = EXAMPLE_KEYS.report) {
  const response = await fetch(`${url}/v1/report?${RANGE_QUERY}${query === '' ? '' : `&${query}`}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const body = (await response.json()) as { results: Row[] };
  return { status: response.status, headers: response.headers, results: body.results };
}

/** Dollars of a sum of picodollars, through decimal text. */
function dollars(pico: bigint): number {
  const text = pico.toString().padStart(13, '0');
  return Number(`${text.slice(0, -12)}.${text.slice(-12)}`);
}

function sum<T extends bigint | number>(rows: readonly Stored[], zero: T, of: (row: Stored) => T | null): T {
  // The operator is the same for both types; the type system has no word for that.
  return rows.reduce((total, row) => ((total as number) + ((of(row) ?? zero) as number)) as T, zero);
}

/** What the official client must be told about these rows. */
function sumsOf(rows: readonly Stored[]) {
  return {
    totalCost: dollars(sum(rows, 0n, ({ rating }) => rating.totalCost)),
    marketCost: dollars(sum(rows, 0n, ({ rating }) => rating.marketCost)),
    inputTokens: sum(rows, 0, ({ event }) => event.inputTokens),
    outputTokens: sum(rows, 0, ({ event }) => event.outputTokens),
    cachedInputTokens: sum(rows, 0, ({ event }) => event.cacheReadTokens),
    cacheCreationInputTokens: sum(rows, 0, ({ event }) => event.cacheWrite5mTokens),
    reasoningTokens: sum(rows, 0, ({ event }) => event.reasoningTokens),
    requestCount: rows.filter(({ event }) => event.final && event.line === 0).length,
  };
}

function groupsOf(keysOf: (row: Stored) => readonly string[], rows = STORED): Map<string, Stored[]> {
  const groups = new Map<string, Stored[]>();
  for (const row of rows) {
    for (const key of keysOf(row)) groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

const dayOf = ({ event }: Stored) => new Date(event.occurredAt).toISOString().slice(0, 10);
const hourOf = ({ event }: Stored) => new Date(event.occurredAt).toISOString().slice(0, 13);
const credentialOf = ({ event }: Stored) =>
  event.credentialType === 'byok' || event.credentialType === 'subscription' ? 'byok' : 'system';

describe('the official client', () => {
  it.each([
    ['day', 'day', (row: Stored) => [dayOf(row)]],
    ['user', 'user', ({ event }: Stored) => [event.user ?? '']],
    ['model', 'model', ({ rating }: Stored) => [rating.model]],
    ['tag', 'tag', ({ event }: Stored) => (event.tags.length === 0 ? [''] : event.tags)],
    ['provider', 'provider', ({ event }: Stored) => [event.provider]],
    ['credential_type', 'credentialType', (row: Stored) => [credentialOf(row)]],
  ] as const)('gets the sums by %s', async (groupBy, field, keysOf) => {
    const { results } = await gateway().getSpendReport({ ...RANGE, groupBy });
    const groups = groupsOf(keysOf);
    const expected = [...groups].map(([key, rows]) => ({ [field]: key, ...sumsOf(rows) }));
    expect(results).toHaveLength(groups.size);
    expect(results).toEqual(expect.arrayContaining(expected));
    const costs = results.map((row) => row.totalCost);
    if (groupBy === 'day') expect(results.map((row) => row['day'])).toEqual([...groups.keys()].toSorted());
    else expect(costs).toEqual(costs.toSorted((a, b) => b - a));
  });

  it('gets the sums by hour, and by model and day', async () => {
    const hours = await gateway().getSpendReport({ ...RANGE, datePart: 'hour' });
    expect(hours.results).toEqual(
      [...groupsOf((row) => [hourOf(row)])]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([hour, rows]) => ({ hour, ...sumsOf(rows) })),
    );
    const days = await gateway().getSpendReport({ ...RANGE, groupBy: 'model', datePart: 'day' });
    const groups = groupsOf((row) => [`${dayOf(row)} ${row.rating.model}`]);
    expect(days.results).toHaveLength(groups.size);
    for (const row of days.results) {
      expect(row).toMatchObject(sumsOf(groups.get(`${row['day']} ${row['model']}`) ?? []));
    }
  });

  it('gets what each of its filters chooses', async () => {
    const ask = async (filter: object) =>
      (await gateway().getSpendReport({ ...RANGE, groupBy: 'day', ...filter })).results;
    const check = async (filter: object, matches: (row: Stored) => boolean) => {
      const rows = STORED.filter(matches);
      expect(rows.length).toBeGreaterThan(0);
      const expected = groupsOf((row) => [dayOf(row)], rows);
      const results = await ask(filter);
      expect(results).toEqual(
        [...expected]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([day, group]) => ({ day, ...sumsOf(group) })),
      );
    };
    await check({ userId: 'ünï/cødé ?&' }, ({ event }) => event.user === 'ünï/cødé ?&');
    await check({ model: MODELS[1] }, ({ rating }) => rating.model === MODELS[1]);
    await check({ provider: 'openai' }, ({ event }) => event.provider === 'openai');
    await check({ credentialType: 'byok' }, (row) => credentialOf(row) === 'byok');
    await check({ tags: ['env:prod', 'none'] }, ({ event }) => event.tags.includes('env:prod'));
    await check(
      { userId: 'jane', provider: 'openai', tags: ['feature:chat'] },
      ({ event }) =>
        event.user === 'jane' && event.provider === 'openai' && event.tags.includes('feature:chat'),
    );
    expect(await ask({ userId: 'nobody' })).toEqual([]);
  });

  it('gets the credits: what was bought less what was spent', async () => {
    const spent = sum(STORED, 0n, ({ rating }) => rating.totalCost);
    const credits = await gateway().getCredits();
    expect(Number(credits.totalUsed)).toBe(dollars(spent));
    expect(credits.totalUsed).toMatch(/^\d+\.\d+$/);
    expect(Number(credits.balance)).toBe(dollars(100_000_000_000_000n - spent));
    expect(await gateway(EXAMPLE_KEYS.other).getCredits()).toEqual({ balance: '0', totalUsed: '0.001' });
  });

  it('gets one generation by its id', async () => {
    const stored = STORED.find(({ event }) => event.credentialType === 'byok');
    if (stored === undefined) throw new Error('no such row');
    const { event, rating } = stored;
    const id = uuidToGenerationId(event.eventId);
    expect(await gateway().getGenerationInfo({ id })).toMatchObject({
      id,
      totalCost: dollars(rating.totalCost ?? 0n),
      marketCost: dollars(rating.marketCost ?? 0n),
      upstreamInferenceCost: dollars(rating.marketCost ?? 0n),
      createdAt: new Date(event.occurredAt).toISOString(),
      model: rating.model,
      isByok: true,
      providerName: event.provider,
      streamed: false,
      finishReason: 'stop',
      latency: 0,
      generationTime: 900,
      promptTokens: event.inputTokens,
      completionTokens: event.outputTokens,
      reasoningTokens: event.reasoningTokens,
      cachedTokens: event.cacheReadTokens,
      cacheCreationTokens: event.cacheWrite5mTokens,
      billableWebSearchCalls: 0,
    });
  });

  it('does not get the generation of another org', async () => {
    const id = uuidToGenerationId(OTHER_ORG[0]?.event.eventId ?? new Uint8Array(16));
    await expect(gateway(EXAMPLE_KEYS.other).getGenerationInfo({ id })).resolves.toMatchObject({ id });
    await expect(gateway().getGenerationInfo({ id })).rejects.toMatchObject({
      statusCode: 404,
      type: 'not_found',
    });
  });

  it('gets the models with their prices', async () => {
    const { models } = await gateway().getAvailableModels();
    const model = models.find(({ id }) => id === 'openai/gpt-4o');
    expect(model?.pricing).toEqual({
      input: '0.0000025',
      output: '0.00001',
      cachedInputTokens: '0.00000125',
    });
  });

  it('throws its own class for each error', async () => {
    const wrong = { startDate: '2026-02-01', endDate: '2026-01-01' };
    await expect(gateway().getSpendReport(wrong)).rejects.toSatisfy(
      (error) => error instanceof GatewayInvalidRequestError && /before start_date/.test(error.message),
    );
    await expect(gateway('mst_wrong').getSpendReport(RANGE)).rejects.toBeInstanceOf(
      GatewayAuthenticationError,
    );
    await expect(gateway(EXAMPLE_KEYS.proxy).getCredits()).rejects.toBeInstanceOf(GatewayForbiddenError);
    await expect(gateway().getGenerationInfo({ id: 'x' })).rejects.toBeInstanceOf(GatewayInvalidRequestError);
  });

  it('throws a retryable error while the store is gone', async () => {
    const down = await exampleServer();
    const address = await down.app.listen({ host: '127.0.0.1', port: 0 });
    const client = createGateway({ baseURL: `${address}/v4/ai`, apiKey: EXAMPLE_KEYS.report });
    await expect(client.getSpendReport(RANGE)).rejects.toSatisfy(
      (error) => error instanceof GatewayInternalServerError && error.statusCode === 503 && error.isRetryable,
    );
    await down.close();
  });
});

describe('beyond the official client', () => {
  it.each([
    ['plan', ({ rating }: Stored) => rating.plan ?? ''],
    ['project', ({ event }: Stored) => event.project ?? ''],
    ['service_tier', ({ event }: Stored) => event.serviceTier ?? ''],
    ['zero_data_retention', ({ event }: Stored) => String(event.zeroDataRetention)],
    [
      'api_key_name',
      ({ event }: Stored) => ({ key_proxy: 'web', key_report: 'report' })[event.apiKeyId ?? ''] ?? 'key_gone',
    ],
  ] as const)('sums by %s with charge, margin, attempts and what is unpriced', async (groupBy, keyOf) => {
    const { results } = await report(`group_by=${groupBy}&exact=true`);
    const groups = groupsOf((row) => [keyOf(row)]);
    expect(new Set(results.map((row) => row[groupBy]))).toEqual(new Set(groups.keys()));
    for (const row of results) {
      const rows = groups.get(String(row[groupBy])) ?? [];
      const charge = sum(rows, 0n, ({ rating }) => rating.charge);
      expect(row).toMatchObject({
        charge: dollars(charge),
        attempts: rows.filter(({ event }) => event.line === 0).length,
        unpriced_count: rows.filter(({ rating }) => rating.totalCost === null).length,
      });
      const margin = charge - sum(rows, 0n, ({ rating }) => rating.totalCost);
      expect(picodollars(String(row['margin_exact']))).toBe(margin);
      expect(picodollars(String(row['charge_exact']))).toBe(charge);
    }
  });

  it('filters by tag sets, keys, project, plan, tier and retention', async () => {
    const requests = async (query: string) =>
      (await report(`group_by=provider&${query}`)).results.reduce(
        (all, row) => all + Number(row['request_count']),
        0,
      );
    const count = (matches: (row: Stored) => boolean) => sumsOf(STORED.filter(matches)).requestCount;
    expect(await requests('tags=env:prod,feature:chat&tags_match=all')).toBe(
      count(({ event }) => event.tags.length === 2),
    );
    expect(await requests('api_key_id=self')).toBe(count(({ event }) => event.apiKeyId === 'key_report'));
    expect(await requests('api_key_id=key_gone')).toBe(count(({ event }) => event.apiKeyId === 'key_gone'));
    expect(await requests('project=chat')).toBe(count(({ event }) => event.project === 'chat'));
    expect(await requests('project=')).toBe(count(({ event }) => event.project === null));
    expect(await requests('plan=pro')).toBe(count(({ rating }) => rating.plan === 'pro'));
    expect(await requests('service_tier=priority')).toBe(
      count(({ event }) => event.serviceTier === 'priority'),
    );
    expect(await requests('zero_data_retention=true')).toBe(count(({ event }) => event.zeroDataRetention));
    expect(await requests('user_id=')).toBe(count(({ event }) => event.user === null));
  });

  it('sums what does not fit the limit in a last row, so that rows still add up', async () => {
    const whole = await report('group_by=user&exact=true');
    expect(whole.headers.get('meterstone-truncated')).toBeNull();
    const cut = await report('group_by=user&limit=2&exact=true');
    expect(cut.headers.get('meterstone-truncated')).toBe('true');
    expect(cut.results.map((row) => row['user'])).toEqual([whole.results[0]?.['user'], '(other)']);
    for (const column of ['input_tokens', 'request_count', 'attempts', 'unpriced_count']) {
      const total = (rows: readonly Row[]) => rows.reduce((all, row) => all + Number(row[column]), 0);
      expect(total(cut.results)).toBe(total(whole.results));
    }
  });

  it('has the same sums as the raw table, for every grouping that does not multiply requests', async () => {
    const answer = await admin.query({
      query: "SELECT toString(sum(total_cost)) AS cost FROM raw_events WHERE org_id = 'acme'",
      format: 'JSONEachRow',
    });
    const [{ cost } = { cost: '' }] = await answer.json<{ cost: string }>();
    for (const groupBy of ['day', 'user', 'model', 'provider', 'plan', 'api_key_name']) {
      const { results } = await report(`group_by=${groupBy}&exact=true`);
      const exact = results.reduce((all, row) => all + picodollars(String(row['total_cost_exact'])), 0n);
      expect(exact).toBe(picodollars(cost));
    }
  });

  it('never shows one org the usage of another', async () => {
    const { results } = await report('group_by=user', EXAMPLE_KEYS.other);
    expect(results).toEqual([expect.objectContaining({ user: 'jane', total_cost: 0.001, request_count: 1 })]);
  });
});

function picodollars(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(12, '0'));
}
