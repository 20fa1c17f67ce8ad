import { randomUUIDv7 } from 'node:crypto';
import { uuidBytes } from '@meterstone/metering';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleEvent, exampleRating } from './example-row.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { readGeneration } from './read-generation.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

test('the lines of an attempt come in order, with every number as it was', async () => {
  const eventId = uuidBytes(randomUUIDv7()) ?? new Uint8Array();
  const occurredAt = Date.now();
  const event = exampleEvent({
    eventId,
    occurredAt,
    inputTokens: 11,
    cacheWrite1hTokens: 2,
    timeToFirstTokenMs: 0,
  });
  await store.insert([
    {
      event: { ...event, line: 1, provider: 'anthropic', quantities: { web_search_requests: 3 } },
      rating: exampleRating({ marketCost: null, totalCost: null, charge: null, unpricedReason: 'no_model' }),
    },
    { event, rating: exampleRating({ marketCost: 12_345_678_901n, totalCost: 5n }) },
    { event: exampleEvent({ eventId: new Uint8Array(16).fill(1), occurredAt }), rating: exampleRating() },
  ]);
  const lines = await readGeneration(store.client, { orgId: 'acme', eventId });
  expect(lines).toMatchObject([
    {
      line: 0,
      kind: 'usage',
      occurredAt,
      model: 'openai/gpt-5',
      credentialType: 'system',
      streamed: false,
      httpStatus: 200,
      timeToFirstTokenMs: 0,
      durationMs: 900,
      tokens: { inputTokens: 11, cacheWrite1hTokens: 2, outputTokens: 0 },
      marketCost: 12_345_678_901n,
      totalCost: 5n,
      surchargeCost: 0n,
    },
    {
      line: 1,
      provider: 'anthropic',
      quantities: { web_search_requests: 3 },
      marketCost: null,
      charge: null,
    },
  ]);
  expect(await readGeneration(store.client, { orgId: 'bolt', eventId })).toEqual([]);
});

test('an id without a time in it is found at any time', async () => {
  const eventId = Uint8Array.from({ length: 16 }, (_, i) => (i === 6 ? 0x8a : i));
  await store.insert([
    {
      event: exampleEvent({ eventId, orgId: 'hash', occurredAt: Date.UTC(2024, 5, 1) }),
      rating: exampleRating(),
    },
  ]);
  expect(await readGeneration(store.client, { orgId: 'hash', eventId })).toHaveLength(1);
});

test('an id that nobody has is no line', async () => {
  const eventId = uuidBytes(randomUUIDv7()) ?? new Uint8Array();
  expect(await readGeneration(store.client, { orgId: 'acme', eventId })).toEqual([]);
});
