import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { mintStream, readStreams } from './streams.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

describe('the numbers of streams', () => {
  test('are given once to each incarnation, however many ask at the same time', async () => {
    const incarnations = ['a', 'b', 'c'].map((fingerprint) => ({ topic: 'usage-events', fingerprint }));
    const asking = Array.from({ length: 4 }, () => incarnations).flat();
    const given = await Promise.all(asking.map((incarnation) => mintStream(store.client, incarnation)));
    const numbers = new Map(given.map(({ fingerprint, stream }) => [fingerprint, stream]));
    expect(given.every(({ fingerprint, stream }) => numbers.get(fingerprint) === stream)).toBe(true);
    expect([...numbers.values()].sort()).toEqual([1, 2, 3]);
    expect(await readStreams(store.client, 'usage-events')).toHaveLength(3);
  });

  test('stay what they are, and go on where they ended', async () => {
    const [first] = await readStreams(store.client, 'usage-events');
    expect(first).toMatchObject({ stream: 1, topic: 'usage-events' });
    expect(await mintStream(store.client, first ?? { topic: '', fingerprint: '' })).toEqual(first);
    expect(await mintStream(store.client, { topic: 'other', fingerprint: '' })).toMatchObject({ stream: 4 });
    expect(await readStreams(store.client, 'never-used')).toEqual([]);
  });
});
