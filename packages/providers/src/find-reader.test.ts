import { PROVIDER_KINDS, type ProviderKind } from '@meterstone/metering';
import { describe, expect, it } from 'vitest';
import { findReader } from './find-reader.ts';
import { acceptsStreamOptions } from './stream-options.ts';

const operationOf = (kind: ProviderKind, path: string, method = 'POST') =>
  findReader(kind, method, path)?.operation ?? null;

describe('findReader', () => {
  it.each<[ProviderKind, string, string]>([
    ['openai', '/v1/chat/completions', 'chat'],
    ['openai', '/v1/completions', 'completions'],
    ['azure', '/openai/deployments/chat/chat/completions?api-version=2024-10-21', 'chat'],
    ['azure', '/openai/v1/chat/completions', 'chat'],
    ['azure', '/anthropic/v1/messages', 'messages'],
    ['google', '/v1beta/openai/chat/completions', 'chat'],
    ['openai_compatible', '/chat/completions', 'chat'],
    ['openrouter', '/v1/chat/completions', 'chat'],
    ['mistral', '/v1/fim/completions', 'completions'],
    ['anthropic', '/v1/messages', 'messages'],
    ['anthropic', '/v1/messages?beta=true', 'messages'],
    ['deepseek', '/anthropic/v1/messages', 'messages'],
  ])('reads %s%s', (kind, path, operation) => {
    expect(operationOf(kind, path)).toBe(operation);
  });

  it.each<[ProviderKind, string, string]>([
    ['anthropic', 'POST', '/v1/messages/count_tokens'],
    ['anthropic', 'POST', '/v1/messages/batches'],
    ['anthropic', 'GET', '/v1/messages'],
    ['openai', 'GET', '/v1/chat/completions'],
    ['openai', 'POST', '/v1/embeddings'],
    ['openai', 'POST', '/v1/responses'],
    ['openai', 'GET', '/v1/models'],
    ['xai', 'POST', '/v1/chat/completions'],
    ['cohere', 'POST', '/v2/chat'],
  ])('leaves %s %s %s unmetered', (kind, method, path) => {
    expect(operationOf(kind, path, method)).toBeNull();
  });
});

describe('acceptsStreamOptions', () => {
  it('says yes only of hosts known to take it', () => {
    expect(PROVIDER_KINDS.filter((kind) => !acceptsStreamOptions(kind))).toEqual([
      'bedrock',
      'openrouter',
      'xai',
      'mistral',
      'cohere',
      'perplexity',
      'openai_compatible',
    ]);
  });
});
