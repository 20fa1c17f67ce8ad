import { NO_TOKENS, type Rating, type UsageEvent } from '@meterstone/metering';
import type { RawRow } from './raw-row.ts';

/** A secret for user keys that is none. */
export const EXAMPLE_SECRET = new Uint8Array(32).fill(7);

/** A valid event of an answered chat request; a test gives what matters to it. */
export function exampleEvent(facts: Partial<UsageEvent> = {}): UsageEvent {
  return {
    eventId: Uint8Array.from({ length: 16 }, (_, i) => i * 16 + i),
    line: 0,
    operationId: 'operation-1',
    attempt: 0,
    final: true,
    parentOperationId: null,
    kind: 'usage',
    source: 'proxy',
    sourceRef: 'proxy-1/0.1.0',
    adjustsEventId: null,
    adjustsLine: null,
    correctionId: null,
    reason: null,
    marketCostDelta: null,
    totalCostDelta: null,
    surchargeCostDelta: null,
    chargeDelta: null,
    occurredAt: Date.UTC(2026, 0, 1, 12),
    ingestedAt: Date.UTC(2026, 0, 1, 12, 0, 1),
    orgId: 'acme',
    apiKeyId: 'key_backend',
    project: null,
    user: null,
    sessionId: null,
    agent: null,
    traceId: null,
    tags: [],
    attributes: {},
    plan: null,
    credentialType: 'system',
    zeroDataRetention: false,
    provider: 'openai',
    requestModel: 'gpt-5',
    responseModel: 'gpt-5-2025-08-07',
    operation: 'chat',
    serviceTierRequested: null,
    serviceTier: 'default',
    region: null,
    streamed: false,
    finishReason: 'stop',
    responseId: 'chatcmpl-1',
    httpStatus: 200,
    outcome: 'ok',
    errorType: null,
    usageSource: 'reported',
    usageFlags: 0,
    requestTextBytes: null,
    outputDeltas: null,
    presentBuckets: 0,
    ...NO_TOKENS,
    quantities: {},
    providerReportedCost: null,
    usageRaw: null,
    timeToFirstTokenMs: null,
    durationMs: 900,
    ...facts,
  };
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
