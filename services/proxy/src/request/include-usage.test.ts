import { describe, expect, it } from 'vitest';
import { needsIncludeUsage } from './include-usage.ts';

const CHAT = '/v1/chat/completions';

describe('asking for the usage of a stream', () => {
  it.each([
    ['openai', 'chat', CHAT, true],
    ['openai', 'completions', '/v1/completions', true],
    ['openai', 'responses', '/v1/responses', false],
    ['anthropic', 'messages', '/v1/messages', false],
    ['mistral', 'chat', CHAT, false],
    ['openai_compatible', 'chat', CHAT, false],
    ['azure', 'chat', '/openai/deployments/d/chat/completions?api-version=2024-10-21', true],
    ['azure', 'chat', '/openai/deployments/d/chat/completions?api-version=2024-09-01-preview', true],
    ['azure', 'chat', '/openai/deployments/d/chat/completions?api-version=2024-06-01', false],
    ['azure', 'chat', '/openai/v1/chat/completions', true],
    ['azure', 'chat', '/openai/v1/chat/completions?x=1&api-version=preview', true],
    ['azure', 'chat', '/openai/deployments/d/chat/completions', false],
  ] as const)('%s %s %s: %s', (kind, operation, path, expected) => {
    expect(needsIncludeUsage({ kind, operation, path })).toBe(expected);
  });
});
