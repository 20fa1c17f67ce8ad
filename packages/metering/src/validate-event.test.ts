import { describe, expect, it } from 'vitest';
import { usageEvent } from './usage-event.fixture.ts';
import { EVENT_LIMITS, type UsageEvent } from './usage-event.ts';
import { validateUsageEvent } from './validate-event.ts';

const adjustment: Partial<UsageEvent> = {
  kind: 'adjustment',
  adjustsEventId: new Uint8Array(16),
  adjustsLine: 0,
  correctionId: 'correction-1',
};

describe('a usage event is booked', () => {
  it.each<[string, Partial<UsageEvent>]>([
    ['as the proxy sends it', {}],
    [
      'with every text at its limit',
      {
        user: 'u'.repeat(256),
        operationId: 'o'.repeat(64),
        sessionId: 's'.repeat(128),
        agent: 'a'.repeat(64),
      },
    ],
    ['with 256 characters outside the basic plane', { user: '𝕦'.repeat(256) }],
    ['with ten tags', { tags: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] }],
    ['with tags in the order of code points, not of UTF-16', { tags: ['｡', '𝕦'] }],
    [
      'with eight attributes',
      { attributes: Object.fromEntries([...'abcdefgh'].map((key) => [key, 'v'.repeat(256)])) },
    ],
    ['without a key, user or status', { apiKeyId: null, user: null, httpStatus: null }],
    ['with a usage object of 4,096 bytes', { usageRaw: 'é'.repeat(2048) }],
    [
      'as an adjustment with negative counts',
      { ...adjustment, inputTokens: -5, chargeDelta: -7n, quantities: { images: -1 } },
    ],
  ])('%s', (_, facts) => {
    expect(validateUsageEvent(usageEvent(facts))).toBeNull();
  });
});

describe('a usage event is refused', () => {
  it.each<[string, Partial<UsageEvent>]>([
    ['invalid_identity', { eventId: new Uint8Array(15) }],
    ['invalid_identity', { line: -1 }],
    ['invalid_identity', { line: 256 }],
    ['invalid_identity', { attempt: 0.5 }],
    ['text_missing', { orgId: '' }],
    ['text_missing', { operationId: '' }],
    ['text_missing', { provider: '' }],
    ['text_missing', { operation: '' }],
    ['text_too_long', { operationId: 'o'.repeat(65) }],
    ['text_too_long', { user: 'u'.repeat(257) }],
    ['text_too_long', { user: '𝕦'.repeat(257) }],
    ['text_too_long', { sessionId: 's'.repeat(129) }],
    ['text_too_long', { agent: 'a'.repeat(65) }],
    ['text_too_long', { plan: 'p'.repeat(65) }],
    ['text_too_long', { project: 'p'.repeat(65) }],
    ['text_too_long', { responseModel: 'm'.repeat(1025) }],
    ['text_too_long', { usageRaw: 'é'.repeat(2049) }],
    ['invalid_tags', { tags: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a'] }],
    ['invalid_tags', { tags: ['b', 'a'] }],
    ['invalid_tags', { tags: ['a', 'a'] }],
    ['invalid_tags', { tags: [''] }],
    ['invalid_tags', { tags: ['t'.repeat(65)] }],
    ['invalid_tags', { tags: ['𝕦', '｡'] }],
    ['invalid_attributes', { attributes: Object.fromEntries([...'abcdefghi'].map((key) => [key, ''])) }],
    ['invalid_attributes', { attributes: { '': 'v' } }],
    ['invalid_attributes', { attributes: { ['k'.repeat(65)]: 'v' } }],
    ['invalid_attributes', { attributes: { k: 'v'.repeat(257) } }],
    ['invalid_adjustment', { adjustsEventId: new Uint8Array(16) }],
    ['invalid_adjustment', { adjustsLine: 0 }],
    ['invalid_adjustment', { ...adjustment, adjustsEventId: null }],
    ['invalid_adjustment', { ...adjustment, correctionId: null }],
    ['invalid_count', { inputTokens: -1 }],
    ['invalid_count', { outputTokens: 1.5 }],
    ['invalid_count', { cacheReadTokens: Number.NaN }],
    ['invalid_count', { reasoningTokens: EVENT_LIMITS.countMax + 1 }],
    ['invalid_count', { presentBuckets: 2 ** 13 }],
    ['invalid_count', { usageFlags: -1 }],
    ['invalid_count', { outputDeltas: -1 }],
    ['invalid_quantity', { quantities: { images: -1 } }],
    ['invalid_quantity', { quantities: { images: 0.5 } }],
    ['invalid_quantity', { quantities: { webSearches: 1 } }],
    [
      'invalid_quantity',
      { quantities: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`q${i}`, 1])) },
    ],
    ['invalid_http_status', { httpStatus: 99 }],
    ['invalid_http_status', { httpStatus: 1000 }],
    ['invalid_duration', { durationMs: -1 }],
    ['invalid_duration', { timeToFirstTokenMs: 0.5 }],
    ['invalid_clock', { occurredAt: 1.5 }],
    ['invalid_clock', { ingestedAt: Number.NaN }],
    ['invalid_clock', { occurredAt: 8.64e15 + 1 }],
  ])('%s: %j', (code, facts) => {
    expect(validateUsageEvent(usageEvent(facts))).toMatchObject({ code });
  });

  it.each(['marketCostDelta', 'totalCostDelta', 'surchargeCostDelta', 'chargeDelta'])(
    'when it adjusts without being an adjustment: %s',
    (delta) => {
      expect(validateUsageEvent(usageEvent({ [delta]: 1n }))).toMatchObject({ code: 'invalid_adjustment' });
    },
  );

  it('with a reason that names the field and not its content', () => {
    const fault = validateUsageEvent(usageEvent({ user: 'secret'.repeat(50) }));
    expect(fault?.reason).toContain('user');
    expect(fault?.reason).not.toContain('secret');
  });
});

describe('the clocks', () => {
  const recordedAt = Date.parse('2026-11-24T12:00:00Z');
  const { occurredAfterRecordMsMax, occurredBeforeRecordMsMax } = EVENT_LIMITS;

  it.each<[number, string | undefined]>([
    [recordedAt + occurredAfterRecordMsMax, undefined],
    [recordedAt + occurredAfterRecordMsMax + 1, 'occurred_too_late'],
    [recordedAt - occurredBeforeRecordMsMax, undefined],
    [recordedAt - occurredBeforeRecordMsMax - 1, 'occurred_too_early'],
  ])('at %d: %s', (occurredAt, code) => {
    expect(validateUsageEvent(usageEvent({ occurredAt, ingestedAt: 0 }), recordedAt)?.code).toBe(code);
    expect(validateUsageEvent(usageEvent({ occurredAt, ingestedAt: recordedAt }))?.code).toBe(code);
  });
});
