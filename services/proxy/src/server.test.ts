import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { generationIdToUuid, validateUsageEvent } from '@meterstone/metering';
import { afterEach, describe, expect, it } from 'vitest';
import {
  bodyOf,
  CHAT_ANSWER,
  jsonUpstream,
  PROXY_KEY,
  REPORT_KEY,
  type RunningProxy,
  type RunningProxyOptions,
  runProxy,
  SYSTEM_SECRET,
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

/** What the provider saw of the last request. */
interface Seen {
  url: string;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: string;
}

function spy(answer: unknown = CHAT_ANSWER): { seen: Seen[]; upstream: RequestListener } {
  const seen: Seen[] = [];
  return {
    seen,
    upstream: async (request, response) => {
      const body = (await bodyOf(request)).toString();
      seen.push({ url: request.url ?? '', headers: request.headers, rawHeaders: request.rawHeaders, body });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    },
  };
}

const KEY = { authorization: `Bearer ${PROXY_KEY}`, 'content-type': 'application/json' };

function chat(
  proxy: RunningProxy,
  body: unknown,
  headers: Record<string, string> = {},
  path = '/openai/v1/chat/completions',
) {
  return fetch(proxy.url + path, {
    method: 'POST',
    headers: { ...KEY, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('a JSON request', () => {
  it('passes through and leaves one event with all its facts', async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    const before = Date.now();
    const response = await chat(
      proxy,
      { model: 'gpt-5', service_tier: 'flex', messages: [{ role: 'user', content: 'Hello there' }] },
      {
        'ai-reporting-user': 'customer-7',
        'ai-reporting-tags': 'team:b, env:prod,env:prod',
        'meterstone-project': 'search',
        'meterstone-session': 's-1',
        'meterstone-agent': 'planner',
        'meterstone-operation-id': 'op-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
    );
    expect(await response.json()).toEqual(CHAT_ANSWER);
    const [event] = await proxy.eventsWhen(1);
    expect(event).toMatchObject({
      line: 0,
      operationId: 'op-1',
      attempt: 0,
      final: true,
      kind: 'usage',
      source: 'proxy',
      sourceRef: 'proxy-test/0.0.0',
      orgId: 'acme',
      apiKeyId: 'key_proxy',
      project: 'search',
      user: 'customer-7',
      sessionId: 's-1',
      agent: 'planner',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      tags: ['env:prod', 'team:b'],
      plan: 'pro',
      credentialType: 'system',
      provider: 'openai',
      requestModel: 'gpt-5',
      responseModel: 'gpt-5-2026-08-07',
      operation: 'chat',
      serviceTierRequested: 'flex',
      serviceTier: 'default',
      streamed: false,
      finishReason: 'stop',
      responseId: 'chatcmpl-1',
      httpStatus: 200,
      outcome: 'ok',
      errorType: null,
      usageSource: 'reported',
      requestTextBytes: 'userHello there'.length,
      outputDeltas: null,
      inputTokens: 60,
      cacheReadTokens: 40,
      outputTokens: 15,
      reasoningTokens: 5,
      timeToFirstTokenMs: null,
    });
    expect(event?.occurredAt).toBeGreaterThanOrEqual(before);
    expect(event?.durationMs).toBeGreaterThanOrEqual(0);
    expect(event === undefined ? 'no event' : validateUsageEvent(event)).toBeNull();
    expect(response.headers.get('meterstone-operation-id')).toBe('op-1');
    const generationId = response.headers.get('meterstone-generation-id') ?? '';
    expect(generationIdToUuid(generationId)).toEqual(new Uint8Array(event?.eventId ?? []));
    expect(seen[0]?.url).toBe('/v1/chat/completions');
  });

  it('reaches the provider with the bytes, order and case of its headers, without ours', async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    const body = '{ "model":"gpt-5",  "n": 1.0 }';
    await new Promise<void>((resolve, reject) => {
      const sent = httpRequest(`${proxy.url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: [
          ...['Host', 'proxy.example', 'X-Custom-Case', 'Äö', 'Authorization', `Bearer ${PROXY_KEY}`],
          ...['Content-Type', 'application/json', 'Content-Length', String(body.length)],
          ...[
            'Meterstone-Plan',
            'pro',
            'AI-Reporting-User',
            'u',
            'Meterstone-Unknown',
            'x',
            'X-Meterstone-Other',
            'x',
          ],
          ...['Accept-Encoding', 'gzip', 'TE', 'trailers', 'Connection', 'close, X-Drop', 'X-Drop', '1'],
          ...['Expect', '100-continue', 'X-Twice', 'a', 'X-Twice', 'b', 'Keep-Alive', '5'],
        ],
      });
      sent.on('response', (response) => response.resume().on('end', resolve)).on('error', reject);
      sent.end(body);
    });
    expect(seen[0]?.body).toBe(body);
    expect(seen[0]?.rawHeaders).toEqual(
      [
        ...['host', `127.0.0.1:${proxy.upstreamPort}`, 'connection', 'keep-alive'],
        ...['X-Custom-Case', Buffer.from('Äö').toString('latin1'), 'Content-Type', 'application/json'],
        ...['X-Twice', 'a', 'X-Twice', 'b', 'accept-encoding', 'identity'],
        ...['authorization', `Bearer ${SYSTEM_SECRET}`, 'content-length', String(body.length)],
      ].map((value) => (value === Buffer.from('Äö').toString('latin1') ? expect.any(String) : value)),
    );
  });

  it("gives the provider's answer headers in their case, less the hop-by-hop ones", async () => {
    const proxy = await start({
      upstream: (request, response) => {
        request.resume().on('end', () => {
          response.writeHead(201, 'Made', [
            'X-Upper',
            'a',
            'Set-Cookie',
            'a=1',
            'Set-Cookie',
            'b=2',
            'Keep-Alive',
            'x',
          ]);
          response.end('{}');
        });
      },
    });
    const answer = await new Promise<IncomingMessage>((resolve) => {
      const sent = httpRequest(`${proxy.url}/openai/v1/chat/completions`, { method: 'POST', headers: KEY });
      sent.on('response', resolve).end('{}');
    });
    await bodyOf(answer);
    expect(answer.statusCode).toBe(201);
    expect(answer.statusMessage).toBe('Made');
    const names = answer.rawHeaders.filter((_, index) => index % 2 === 0);
    expect(names.slice(0, 3)).toEqual(['X-Upper', 'Set-Cookie', 'Set-Cookie']);
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(answer.headers['keep-alive']).not.toBe('x');
  });

  it('cuts attribution out of the body and merges it with the headers, which win', async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    const body = {
      model: 'gpt-5',
      user: 'openai-user',
      providerOptions: { gateway: { user: 'body-user', tags: ['b', 'a'] }, openai: { x: 1 } },
    };
    await chat(proxy, body, { 'ai-reporting-user': 'header-user', 'ai-reporting-tags': 'c,a' });
    await chat(proxy, body);
    await chat(proxy, { model: 'gpt-5', user: 'openai-user', providerOptions: { gateway: { tags: [] } } });
    const [first, second, third] = await proxy.eventsWhen(3);
    expect(first).toMatchObject({ user: 'header-user', tags: ['a', 'b', 'c'] });
    expect(second).toMatchObject({ user: 'body-user', tags: ['a', 'b'] });
    expect(third).toMatchObject({ user: 'openai-user', tags: [] });
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      model: 'gpt-5',
      user: 'openai-user',
      providerOptions: { openai: { x: 1 } },
    });
    expect(seen[2]?.body).toBe('{"model":"gpt-5","user":"openai-user"}');
  });

  it("passes OpenAI's own over-long user on, unattributed, flagged and counted", async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    const response = await chat(proxy, { model: 'gpt-5', user: 'u'.repeat(257) });
    expect(response.status).toBe(200);
    const [event] = await proxy.eventsWhen(1);
    expect(event?.user).toBeNull();
    expect((event?.usageFlags ?? 0) & (1 << 7)).not.toBe(0);
    expect(JSON.parse(seen[0]?.body ?? '').user).toHaveLength(257);
    expect(proxy.proxy.counters.usersUnattributed.of('body')).toBe(1);
  });

  it.each([
    ['request', { 'ai-reporting-user': 'customer-7', 'meterstone-plan': 'starter' }, 'starter'],
    ['user', { 'ai-reporting-user': 'customer-7' }, 'pro'],
    ['org', {}, 'starter'],
  ])('finds the plan by request, user, key, org (%s)', async (_, headers, plan) => {
    const proxy = await start({ upstream: spy().upstream });
    await chat(proxy, { model: 'gpt-5' }, headers);
    expect((await proxy.eventsWhen(1))[0]?.plan).toBe(plan);
  });
});

describe('credentials', () => {
  it.each([
    [
      '/openai/v1/chat/completions',
      'authorization',
      `Bearer ${PROXY_KEY}`,
      'authorization',
      `Bearer ${SYSTEM_SECRET}`,
    ],
    ['/anthropic/v1/messages', 'x-api-key', PROXY_KEY, 'x-api-key', SYSTEM_SECRET],
    ['/azure/openai/v1/chat/completions', 'api-key', PROXY_KEY, 'api-key', SYSTEM_SECRET],
    ['/google/v1beta/models/g:generateContent', 'x-goog-api-key', PROXY_KEY, 'x-goog-api-key', SYSTEM_SECRET],
    [
      '/p/local/v1/chat/completions',
      'authorization',
      `bearer  ${PROXY_KEY}`,
      'authorization',
      `Bearer ${SYSTEM_SECRET}`,
    ],
    ['/anthropic/v1/messages', 'authorization', `Bearer ${PROXY_KEY}`, 'x-api-key', SYSTEM_SECRET],
  ])('puts in its own at %s for a key in %s', async (path, header, value, upstreamHeader, secret) => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    await fetch(proxy.url + path, { method: 'POST', headers: { [header]: value }, body: '{}' });
    expect(seen[0]?.headers[upstreamHeader]).toBe(secret);
    expect(JSON.stringify(seen[0]?.rawHeaders)).not.toContain('mst_');
    expect((await proxy.eventsWhen(1))[0]?.credentialType).toBe('system');
  });

  it("passes the caller's own on when the Meterstone key comes apart", async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    await chat(
      proxy,
      {},
      { authorization: 'Bearer sk-own', 'x-meterstone-key': PROXY_KEY, 'api-key': PROXY_KEY },
    );
    expect(seen[0]?.headers['authorization']).toBe('Bearer sk-own');
    expect(JSON.stringify(seen[0]?.rawHeaders)).not.toMatch(/mst_|sk-system/);
    expect((await proxy.eventsWhen(1))[0]?.credentialType).toBe('byok');
  });

  it('uses its own when the key comes apart and alone', async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    await fetch(`${proxy.url}/openai/v1/models`, { headers: { 'x-meterstone-key': PROXY_KEY } });
    expect(seen[0]?.headers['authorization']).toBe(`Bearer ${SYSTEM_SECRET}`);
  });
});

describe('routing', () => {
  it.each([
    ['/v1/chat/completions', 'gpt-5', '/v1/chat/completions', 'openai', 'gpt-5'],
    ['/v1/chat/completions', 'local/meta/llama-4', '/v1/chat/completions', 'local', 'meta/llama-4'],
    ['/v1/messages', 'claude-5', '/v1/messages', 'anthropic', 'claude-5'],
    ['/v1/messages?beta=true', 'anthropic/claude-5', '/v1/messages?beta=true', 'anthropic', 'claude-5'],
    ['/openai/v1/chat/completions', 'openai/gpt-5', '/v1/chat/completions', 'openai', 'openai/gpt-5'],
    ['/bedrock/model/x/converse', 'm', '/model/x/converse', 'bedrock', 'm'],
    ['/p/local/deep/path?a=1', 'm', '/deep/path?a=1', 'local', 'm'],
  ])('%s with %s', async (path, model, upstreamPath, provider, upstreamModel) => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    await chat(proxy, { model }, {}, path);
    expect(seen[0]?.url).toBe(upstreamPath);
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ model: upstreamModel });
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({ provider, requestModel: upstreamModel });
  });

  it("goes behind the path of a provider's base URL", async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    const other = await runProxy({
      upstream,
      baseUrls: { local: `http://127.0.0.1:${proxy.upstreamPort}/tenant/api` },
    });
    await chat(other, {}, {}, '/p/local/v1/chat/completions');
    await other.close();
    expect(seen[0]?.url).toBe('/tenant/api/v1/chat/completions');
  });

  it('passes the head of an answer on whose announced body is late', async () => {
    const body = Promise.withResolvers<void>();
    const proxy = await start({
      upstream: (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '2' });
        response.flushHeaders();
        void body.promise.then(() => response.end('{}'));
      },
    });
    // It resolves with the head; the body is let go only then.
    const response = await fetch(`${proxy.url}/openai/v1/models`, { headers: KEY });
    body.resolve();
    expect(await response.text()).toBe('{}');
  });

  it('meters nothing on a path without a reader, and says so', async () => {
    const proxy = await start({ upstream: jsonUpstream({ data: [] }) });
    const response = await fetch(`${proxy.url}/openai/v1/models`, { headers: KEY });
    expect(await response.json()).toEqual({ data: [] });
    expect((await proxy.eventsWhen(1))[0]).toMatchObject({
      operation: 'unknown',
      usageSource: 'none',
      outcome: 'ok',
      requestTextBytes: null,
    });
    expect(proxy.proxy.counters.unmetered.of('no_reader')).toBe(1);
  });
});

describe('a refused request', () => {
  const long = (count: number) => 'x'.repeat(count);
  it.each<[string, string, Record<string, string>, unknown, number, string]>([
    ['no key', '/openai/v1/chat/completions', { authorization: '' }, {}, 401, 'missing_api_key'],
    [
      'wrong key',
      '/openai/v1/chat/completions',
      { authorization: 'Bearer mst_wrong' },
      {},
      401,
      'invalid_api_key',
    ],
    [
      'foreign key',
      '/openai/v1/chat/completions',
      { authorization: 'Bearer sk-own' },
      {},
      401,
      'invalid_api_key',
    ],
    [
      'no scope',
      '/openai/v1/chat/completions',
      { authorization: `Bearer ${REPORT_KEY}` },
      {},
      403,
      'missing_scope',
    ],
    ['unknown provider', '/p/nobody/v1/x', {}, {}, 404, 'provider_not_found'],
    ['unknown model prefix', '/v1/chat/completions', {}, { model: 'nobody/gpt' }, 404, 'model_not_found'],
    ['unknown path', '/nowhere', {}, {}, 404, 'path_not_found'],
    ['a path that climbs', '/p/local/v1/..%2fadmin', {}, {}, 400, 'invalid_request'],
    ['events', '/v1/events', {}, {}, 501, 'not_implemented'],
    ['traces', '/v1/traces', {}, {}, 501, 'not_implemented'],
    ['long user', '/v1/chat/completions', { 'ai-reporting-user': long(257) }, {}, 400, 'invalid_header'],
    ['long project', '/v1/chat/completions', { 'meterstone-project': long(65) }, {}, 400, 'invalid_header'],
    ['long plan', '/v1/chat/completions', { 'meterstone-plan': long(65) }, {}, 400, 'invalid_header'],
    ['long session', '/v1/chat/completions', { 'meterstone-session': long(129) }, {}, 400, 'invalid_header'],
    ['long agent', '/v1/chat/completions', { 'meterstone-agent': long(65) }, {}, 400, 'invalid_header'],
    [
      'long operation',
      '/v1/chat/completions',
      { 'meterstone-operation-id': long(65) },
      {},
      400,
      'invalid_header',
    ],
    ['long tag', '/v1/chat/completions', { 'ai-reporting-tags': long(65) }, {}, 400, 'invalid_header'],
    ['empty tag', '/v1/chat/completions', { 'ai-reporting-tags': 'a,,b' }, {}, 400, 'invalid_header'],
    [
      '11 tags',
      '/v1/chat/completions',
      { 'ai-reporting-tags': '1,2,3,4,5,6,7,8,9,10,11' },
      {},
      400,
      'invalid_header',
    ],
    ['unknown plan', '/v1/chat/completions', { 'meterstone-plan': 'gold' }, {}, 400, 'unknown_plan'],
    ['long body user', '/v1/messages', {}, gateway({ user: long(257) }), 400, 'invalid_attribution'],
    ['user of a wrong type', '/v1/messages', {}, gateway({ user: 7 }), 400, 'invalid_attribution'],
    ['tags of a wrong type', '/v1/messages', {}, gateway({ tags: 'a' }), 400, 'invalid_attribution'],
    [
      '11 tags merged',
      '/v1/messages',
      { 'ai-reporting-tags': '1,2,3,4,5,6' },
      gateway({ tags: ['a', 'b', 'c', 'd', 'e'] }),
      400,
      'invalid_attribution',
    ],
    ['gateway of a wrong type', '/v1/messages', {}, gateway('x'), 400, 'invalid_attribution'],
  ])('%s', async (_, path, headers, body, status, code) => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream });
    const response = await chat(proxy, body, headers, path);
    expect(response.status).toBe(status);
    const answer = await response.json();
    expect(answer).toEqual({ error: { message: expect.any(String), type: expect.any(String), code } });
    expect(JSON.stringify(answer)).not.toMatch(/mst_\w|sk-own/);
    expect(seen).toEqual([]);
    expect(proxy.events).toEqual([]);
    expect(await proxy.metrics()).toContain(
      `meterstone_proxy_refused_total{code="${code}",service="proxy"} 1`,
    );
    expect(await proxy.metrics()).toContain('meterstone_proxy_in_flight{service="proxy"} 0');
    expect(await proxy.metrics()).toContain('meterstone_proxy_held_bytes{service="proxy"} 0');
  });

  it('says which of our headers was given twice', async () => {
    const proxy = await start({ upstream: spy().upstream });
    const status = await new Promise((resolve) => {
      const headers = [
        'authorization',
        `Bearer ${PROXY_KEY}`,
        'host',
        'x',
        'ai-reporting-user',
        'a',
        'ai-reporting-user',
        'b',
      ];
      httpRequest(`${proxy.url}/v1/models`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(400);
  });

  it('does not take a body over the limit, announced or not', async () => {
    const { seen, upstream } = spy();
    const proxy = await start({ upstream, limits: { requestBodyBytesMax: 1000 } });
    const announced = await chat(proxy, { x: 'x'.repeat(5_000_000) });
    expect(announced.status).toBe(413);
    expect(await announced.json()).toMatchObject({ error: { code: 'request_too_large' } });
    const streamed = await fetch(`${proxy.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: KEY,
      body: new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(600));
        },
      }),
      duplex: 'half',
    }).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(streamed);
    expect(proxy.proxy.counters.refused.of('request_too_large')).toBe(2);
    expect(seen).toEqual([]);
    expect(proxy.events).toEqual([]);
  });

  it('answers headers over the limit, and what is no HTTP, with a coded error', async () => {
    const proxy = await start({ upstream: spy().upstream, limits: { requestHeaderBytesMax: 2000 } });
    const response = await fetch(`${proxy.url}/v1/models`, {
      headers: { ...KEY, 'x-big': 'x'.repeat(5000) },
    });
    expect(response.status).toBe(431);
    expect(await response.json()).toMatchObject({ error: { code: 'header_too_large' } });
  });

  it('turns requests away beyond its limit of requests in flight', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const proxy = await start({
      upstream: async (request, response) => {
        request.resume();
        await held;
        response.end('{}');
      },
      limits: { inFlightMax: 1 },
    });
    const first = chat(proxy, {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = await chat(proxy, {});
    expect(second.status).toBe(503);
    expect(second.headers.get('retry-after')).toBe('1');
    expect(await second.json()).toMatchObject({ error: { code: 'overloaded' } });
    release();
    expect((await first).status).toBe(200);
  });

  it('logs no key, no header and no prompt', async () => {
    const { upstream } = spy();
    const proxy = await start({ upstream });
    const secrets = { 'x-secret-header': 'secret-header-value', 'ai-reporting-user': 'secret-user' };
    await chat(proxy, { model: 'gpt-5', messages: [{ content: 'secret-prompt' }] }, secrets);
    await chat(proxy, gateway({ user: 7 }), { ...secrets, authorization: 'Bearer mst_secret-key' });
    await chat(proxy, '{"providerOptions":{"gateway":{"secret-prompt', secrets);
    await chat(proxy, { model: 'secret-model/x' }, secrets, '/v1/chat/completions');
    await proxy.eventsWhen(2);
    expect(proxy.logged() + (await proxy.metrics())).not.toMatch(/secret|mst_|sk-/);
  });
});

function gateway(value: unknown): unknown {
  return { model: 'm', providerOptions: { gateway: value } };
}
