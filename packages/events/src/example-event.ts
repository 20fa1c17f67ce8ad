import type { UsageEvent } from '@meterstone/metering';
import { wholeEvent } from '../../../test/support/whole-event.ts';

/** A plausible event of a streamed chat answer, for tests: every key, in order; takes only what matters. */
export function exampleEvent(facts: Partial<UsageEvent> = {}): UsageEvent {
  return { ...EXAMPLE, ...facts };
}

const EXAMPLE = wholeEvent({
  eventId: Buffer.from('019abc6e5d0a7c3e9f2b8d41a6c0e5f7', 'hex'),
  operationId: '019abc6e-5d0a-7c3e-9f2b-8d41a6c0e5f7',
  occurredAt: 1_795_516_200_123,
  ingestedAt: 1_795_516_203_456,
  apiKeyId: 'key_backend',
  project: 'chat',
  user: 'customer-7',
  tags: ['feature:search', 'team:growth'],
  plan: 'pro',
  requestModel: 'gpt-5-mini',
  responseModel: 'gpt-5-mini-2026-08-07',
  serviceTier: 'default',
  streamed: true,
  responseId: 'chatcmpl-CfAbcDeFgHiJkLmNoPqRsTuVwXyZ0',
  outputDeltas: 212,
  presentBuckets: 0b11_0001_0001,
  inputTokens: 1_204,
  cacheReadTokens: 1_024,
  outputTokens: 311,
  reasoningTokens: 128,
  quantities: { web_search_requests: 1 },
  timeToFirstTokenMs: 412,
  durationMs: 3_333,
});
