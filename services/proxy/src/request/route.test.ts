import { describe, expect, it } from 'vitest';
import { findRoute, modelPrefix } from './route.ts';

describe('routing', () => {
  it.each([
    ['/v1/messages/count_tokens', null, 'anthropic', '/v1/messages/count_tokens'],
    ['/v1/messages?x=1', null, 'anthropic', '/v1/messages?x=1'],
    ['/v1/messagesx', null, 'openai', '/v1/messagesx'],
    ['/v1/eventsx', null, 'openai', '/v1/eventsx'],
    [
      '/google/v1beta/models/g:streamGenerateContent?alt=sse',
      'google',
      'google',
      '/v1beta/models/g:streamGenerateContent?alt=sse',
    ],
    ['/azure/openai/deployments/d', 'azure', 'azure', '/openai/deployments/d'],
    ['/p/my-vllm/v1/x%20y', 'my-vllm', 'my-vllm', '/v1/x%20y'],
    ['/openai/v1/files/a..b', 'openai', 'openai', '/v1/files/a..b'],
    ['/openai/v1/x?path=../..', 'openai', 'openai', '/v1/x?path=../..'],
  ])('%s', (url, provider, fallback, path) => {
    expect(findRoute(url)).toEqual({ provider, fallback, path });
  });

  it.each([
    '/',
    '/v1',
    '/v1/events',
    '/v1/events?x',
    '/v1/traces/',
    '/openai/v2/x',
    '/p/x',
    '/healthz',
    '*',
    'http://h/v1/x',
  ])('%s leads to no provider', (url) => {
    expect(findRoute(url)).toBeNull();
  });

  it.each(['/p/x/../y', '/v1/..', '/p/x/%2E%2e/y', '/p/x/.%2e', '/p/x/a%2f..%2fb', '/p/x/..\\y'])(
    '%s climbs',
    (url) => {
      expect(() => findRoute(url)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    },
  );

  it('finds the prefix before the first slash', () => {
    expect([modelPrefix('a/b/c'), modelPrefix('a'), modelPrefix(null), modelPrefix('/a')]).toEqual([
      'a',
      null,
      null,
      '',
    ]);
  });
});
