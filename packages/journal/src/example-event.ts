import type { UsageEvent } from '@meterstone/metering';
import { wholeEvent } from '../../../test/support/whole-event.ts';

/** An event as a note holds it, for the tests of this package: the end of the attempt is not known. */
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
  streamed: true,
  finishReason: null,
  httpStatus: null,
  outcome: 'orphan',
  usageSource: 'estimated',
  requestTextBytes: 4_816,
  presentBuckets: 1,
  inputTokens: 1_204,
});
