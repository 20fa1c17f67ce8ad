import { type DeadLetter, encodeUsageEvent } from '@meterstone/events';
import type { Rating, UsageEvent } from '@meterstone/metering';
import { wholeEvent } from '../../../test/support/whole-event.ts';

/** Builders for tests. Valid defaults; each takes only what matters. */

const EXAMPLE_TIME = Date.UTC(2026, 10, 24, 12);

/** Event number `name` of org acme: 1,000 tokens in, 100 out. */
export function exampleEvent(name: number, facts: Partial<UsageEvent> = {}): UsageEvent {
  const eventId = Buffer.alloc(16);
  eventId.writeUInt32BE(name, 12);
  return { ...EXAMPLE_EVENT, eventId, operationId: `operation-${name}`, ...facts };
}

export function exampleBytes(event: UsageEvent): Buffer {
  const slab = Buffer.alloc(8192);
  return slab.subarray(0, encodeUsageEvent(event, slab, 0));
}

/** The letter of a record at this offset of Kafka partition 1. */
export function exampleLetter(kafkaOffset: number, facts: Partial<DeadLetter> = {}): DeadLetter {
  return {
    stream: 1,
    topic: 'meterstone.usage-events',
    kafkaPartition: 1,
    kafkaOffset,
    recordTimestamp: EXAMPLE_TIME,
    recordKey: null,
    recordValue: exampleBytes(exampleEvent(kafkaOffset)),
    code: 'unknown_schema',
    reason: 'schema fingerprint 0123456789abcdef is not known',
    ...facts,
  };
}

/** A dollar, charged a dollar and a half. */
export const EXAMPLE_RATING: Rating = {
  model: 'openai/gpt-test',
  marketCost: 10n ** 12n,
  totalCost: 10n ** 12n,
  surchargeCost: 0n,
  charge: 15n * 10n ** 11n,
  priceBook: 'book-1',
  priceMatch: 'exact',
  unpricedReason: null,
  plan: 'starter',
  ratePlanVersion: '1',
  epoch: 'epoch-1',
};

const EXAMPLE_EVENT = wholeEvent({
  operationId: '',
  source: 'events',
  sourceRef: 'test/1',
  occurredAt: EXAMPLE_TIME - 3_000,
  ingestedAt: EXAMPLE_TIME - 1_000,
  apiKeyId: 'key_backend',
  project: 'chat',
  user: 'customer-1',
  tags: ['feature:search'],
  requestModel: 'gpt-test',
  responseModel: 'gpt-test',
  presentBuckets: 0b10_0000_0001,
  inputTokens: 1_000,
  outputTokens: 100,
  durationMs: 900,
});
