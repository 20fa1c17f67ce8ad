import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleEvent, exampleRating } from './example-row.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { readPartCounts } from './part-counts.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

test('counts the parts of the fullest month of each table', async () => {
  for (const table of ['raw_events', 'user_day'])
    await store.client.command({ query: `SYSTEM STOP MERGES ${table}` });
  for (const month of [0, 1, 1, 1]) {
    const event = exampleEvent({ orgId: 'parts', occurredAt: Date.UTC(2026, month, 5) });
    await store.insert([{ event, rating: exampleRating() }]);
  }
  const counts = await readPartCounts(store.client);
  expect(counts.get('raw_events')).toBe(3);
  expect(counts.get('user_day')).toBe(3);
  expect(counts.get('ingest_ranges')).toBeUndefined();
});
