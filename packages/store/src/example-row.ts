import type { Rating, UsageEvent } from '@meterstone/metering';
import { wholeEvent } from '../../../test/support/whole-event.ts';
import type { RawRow } from './raw-row.ts';

/** A secret for user keys that is none. */
export const EXAMPLE_SECRET = new Uint8Array(32).fill(7);

/** A valid event of an answered chat request; a test gives what matters to it. */
export function exampleEvent(facts: Partial<UsageEvent> = {}): UsageEvent {
  return wholeEvent({
    eventId: Uint8Array.from({ length: 16 }, (_, i) => i * 16 + i),
    occurredAt: Date.UTC(2026, 0, 1, 12),
    ingestedAt: Date.UTC(2026, 0, 1, 12, 0, 1),
    apiKeyId: 'key_backend',
    responseModel: 'gpt-5-2025-08-07',
    serviceTier: 'default',
    responseId: 'chatcmpl-1',
    durationMs: 900,
    ...facts,
  });
}

/** A rating at nothing under no plan; a test gives what matters to it. */
export function exampleRating(facts: Partial<Rating> = {}): Rating {
  return {
    model: 'openai/gpt-5',
    marketCost: 0n,
    totalCost: 0n,
    surchargeCost: 0n,
    charge: 0n,
    priceBook: 'book-1',
    priceMatch: 'exact',
    unpricedReason: null,
    plan: null,
    ratePlanVersion: null,
    epoch: 'epoch-1',
    ...facts,
  };
}

/** A row of the two at an offset. */
export function exampleRow(facts: Partial<RawRow> = {}): RawRow {
  return {
    event: exampleEvent(),
    rating: exampleRating(),
    userKey: new Uint8Array(16),
    coordinates: { stream: 1, kafkaPartition: 0, kafkaOffset: 0 },
    ...facts,
  };
}
