import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLE_KEYS, type ExampleServer, exampleServer } from './example.ts';

let server: ExampleServer;
beforeAll(async () => {
  server = await exampleServer();
});
afterAll(() => server.close());

const DAYS = 'start_date=2026-01-01&end_date=2026-01-31';

async function get(url: string, key?: string, headers: Record<string, string> = {}) {
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const response = await server.app.inject({ method: 'GET', url, headers: { ...authorization, ...headers } });
  return { status: response.statusCode, body: response.json(), headers: response.headers };
}

describe.each(['/v1/report', '/v1/credits', '/v1/generation'])('%s', (path) => {
  it('refuses a request without a key', async () => {
    const { status, body } = await get(`${path}?${DAYS}`);
    expect(status).toBe(401);
    expect(body).toEqual({
      error: { type: 'authentication_error', message: expect.stringContaining('Authorization: Bearer') },
    });
  });

  it('refuses an unknown key, however long, and other schemes', async () => {
    for (const key of ['mst_unknown', 'x'.repeat(5000)]) {
      expect(await get(path, key)).toMatchObject({
        status: 401,
        body: { error: { type: 'authentication_error' } },
      });
    }
    const basic = await get(path, undefined, { authorization: `Basic ${EXAMPLE_KEYS.report}` });
    expect(basic.status).toBe(401);
  });

  it('refuses a key without the scope, naming the scope and the key by its name', async () => {
    const { status, body } = await get(`${path}?${DAYS}`, EXAMPLE_KEYS.proxy);
    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      type: 'forbidden',
      message: expect.stringMatching(/"web".*"report"/),
    });
  });

  it('answers 405 to other methods, in JSON', async () => {
    const response = await server.app.inject({ method: 'POST', url: path, payload: {} });
    expect(response.statusCode).toBe(405);
    expect(response.headers['allow']).toBe('GET, HEAD');
    expect(response.json().error.type).toBe('method_not_allowed');
  });
});

describe('the server', () => {
  it('answers 404 to unknown paths, in JSON', async () => {
    const { status, body } = await get('/report', EXAMPLE_KEYS.report);
    expect(status).toBe(404);
    expect(body.error).toMatchObject({ type: 'not_found', message: expect.stringContaining('/v1/report') });
  });

  it('answers 400 with the parameter at fault', async () => {
    const { status, body } = await get(`/v1/report?${DAYS}&group_by=customer`, EXAMPLE_KEYS.report);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ type: 'invalid_request_error', param: 'group_by' });
  });

  it('answers 400 to a malformed address and to one parameter given twice', async () => {
    expect((await get('/v1/%E0%A4%A', EXAMPLE_KEYS.report)).status).toBe(400);
    const twice = await get(`/v1/report?${DAYS}&tags=a&tags=b`, EXAMPLE_KEYS.report);
    expect(twice.body.error).toMatchObject({ param: 'tags', message: 'tags is given 2 times; give it once' });
  });

  it.each([
    ['/v1/generation', 'id is required'],
    ['/v1/generation?id=', 'id is required'],
    ['/v1/generation?id=gen_1', 'id must be gen_'],
    ['/v1/generation?id=gen_01ARZ3NDEKTSV4RRFFQ69G5FAV&id=x', 'id must be gen_'],
  ])('answers 400 to %s', async (url, message) => {
    const { status, body } = await get(url, EXAMPLE_KEYS.report);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      type: 'invalid_request_error',
      param: 'id',
      message: expect.stringContaining(message),
    });
  });

  it('answers 503 while the store is gone, and logs its code alone', async () => {
    for (const path of [
      `/v1/report?${DAYS}&user_id=jane@example.com`,
      '/v1/credits',
      '/v1/generation?id=gen_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    ]) {
      const { status, body } = await get(path, EXAMPLE_KEYS.admin);
      expect(status).toBe(503);
      expect(body.error).toMatchObject({ type: 'service_unavailable' });
    }
    expect(server.logged.join('')).toContain('unreachable');
  });

  it('ignores the headers that the official client sends', async () => {
    const { status } = await get(`/v1/report?${DAYS}`, EXAMPLE_KEYS.report, {
      'ai-gateway-protocol-version': '0.0.1',
      'ai-gateway-auth-method': 'api-key',
      'x-vercel-ai-gateway-team': 'team_1',
    });
    expect(status).toBe(503);
  });

  it('has its doors and counts requests by route', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    const { payload } = await server.app.inject({ method: 'GET', url: '/metrics' });
    expect(payload).toMatch(/meterstone_reporting_requests_total\{.*route="\/v1\/credits".*\} \d/);
    expect(payload).toContain('meterstone_config_reloads_total');
  });

  it('writes no key, user or address to the log', async () => {
    await get(`/v1/report?${DAYS}&user_id=jane@example.com&tags=secret-tag`, EXAMPLE_KEYS.report);
    const log = server.logged.join('');
    expect(log).toContain('"route":"/v1/report"');
    expect(log).not.toMatch(/mst_|jane|secret-tag|start_date|Bearer/);
  });
});

describe('/v1/models', () => {
  it('lists the models of the configured providers with list prices per token, without a key', async () => {
    const { status, body } = await get('/v1/models');
    expect(status).toBe(200);
    const byId = new Map<string, Record<string, unknown>>(
      body.data.map((model: { id: string }) => [model.id, model]),
    );
    expect(new Set(body.data.map((model: { owned_by: string }) => model.owned_by))).toEqual(
      new Set(['openai', 'claude-eu']),
    );
    // The catalogue's own prices: $2.50 a million tokens in, $10 out, $1.25 from the cache.
    expect(byId.get('openai/gpt-4o')).toMatchObject({
      object: 'model',
      name: 'gpt-4o',
      model: 'openai/gpt-4o',
      pricing: { input: '0.0000025', output: '0.00001', input_cache_read: '0.00000125' },
    });
  });

  it('shows tiers where the price depends on the size of the input', async () => {
    const { body } = await get('/v1/models');
    const tiered = body.data.filter((model: { pricing: object }) => 'input_tiers' in model.pricing);
    expect(tiered.length).toBeGreaterThan(0);
    for (const { pricing } of tiered) {
      const [first, ...rest] = pricing.input_tiers;
      expect(first).toMatchObject({ min: 0, cost: pricing.input });
      expect(rest.at(-1)).not.toHaveProperty('max');
      let previous = first;
      for (const tier of rest) {
        expect(previous.max).toBe(tier.min);
        previous = tier;
      }
    }
  });

  it('gives each version of the client its own specification', async () => {
    for (const version of ['v3', 'v4']) {
      const { body } = await get(`/${version}/ai/config`);
      expect(body.models.length).toBeGreaterThan(10);
      for (const model of body.models) expect(model.specification.specificationVersion).toBe(version);
    }
  });
});
