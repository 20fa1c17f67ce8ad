import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DemoProvider, startDemoProvider } from './demo-provider.ts';
import { wordsOf } from './words.ts';

let provider: DemoProvider;
let ids = 0;

beforeAll(async () => {
  provider = await startDemoProvider({
    host: '127.0.0.1',
    port: 0,
    now: () => 1_790_000_000_000,
    nextId: () => String(ids++),
  });
});
afterAll(() => provider.close());

async function post(path: string, headers: Record<string, string>, body: unknown) {
  const response = await fetch(provider.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

it('counts one token for each word of a chat completion', async () => {
  const answer = await post(
    '/v1/chat/completions',
    { authorization: 'Bearer x' },
    {
      model: 'gpt-5-mini',
      max_completion_tokens: 7,
      messages: [
        { role: 'system', content: wordsOf(5) },
        { role: 'user', content: [{ type: 'text', text: wordsOf(3) }] },
      ],
    },
  );
  expect(JSON.parse(answer.text)).toMatchObject({
    object: 'chat.completion',
    model: 'gpt-5-mini',
    usage: {
      prompt_tokens: 8,
      completion_tokens: 7,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 5 },
    },
  });
});

it('sends the usage chunk of a stream only when asked', async () => {
  const body = { model: 'm', stream: true, max_tokens: 2, messages: [{ role: 'user', content: 'a b' }] };
  const plain = await post('/v1/chat/completions', { authorization: 'Bearer x' }, body);
  const asked = await post(
    '/v1/chat/completions',
    { authorization: 'Bearer x' },
    { ...body, stream_options: { include_usage: true } },
  );
  expect(plain.text).not.toContain('usage');
  expect(asked.text.match(/"usage":null/g)).toHaveLength(4); // role, two words, stop
  expect(asked.text).toContain('"choices":[],"usage":{"prompt_tokens":2');
});

it('refuses a request without a key, as the real ones do', async () => {
  expect((await post('/v1/messages', {}, {})).status).toBe(401);
  expect((await post('/v1/chat/completions', {}, {})).status).toBe(401);
});
