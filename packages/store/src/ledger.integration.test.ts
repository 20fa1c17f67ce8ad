import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleRange, exampleSums } from './ledger-example.ts';
import { insertLedgerRange } from './ledger-insert.ts';
import { readLastLedgerRange, readLedgerPositions, readLedgerRanges } from './ledger-read.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

describe('the ledger', () => {
  test('gives back what was written, to the last digit', async () => {
    const range = exampleRange({
      stream: 7,
      kafkaPartition: 3,
      firstOffset: 2 ** 40,
      nextOffset: 2 ** 40 + 100,
      token: 'us7-p3-1099511627776-1099511627876-l1',
      records: 100,
      stored: 60,
      duplicates: 30,
      deadLetters: 10,
      sums: exampleSums({
        tokens: { inputTokens: -(2n ** 80n) - 3n, outputImageTokens: 2n ** 53n + 1n },
        amounts: { marketCost: 10n ** 30n + 1n, charge: -1n },
      }),
    });
    const before = Date.now();
    await insertLedgerRange(store.client, range);
    const [entry] = await readLedgerRanges(store.client, {
      stream: 7,
      kafkaPartition: 3,
      from: 0,
      to: 2 ** 50,
    });
    const { storedAt, ...read } = entry ?? { storedAt: 0 };
    expect(read).toEqual(range);
    expect(Math.abs(storedAt - before)).toBeLessThan(60_000);
  });

  test('takes a row again whose first attempt left only its token behind', async () => {
    const range = exampleRange({ stream: 30, nextOffset: 10, token: 'us30-p0-0-10-s1-l1' });
    const question = { stream: 30, kafkaPartition: range.kafkaPartition, from: 0, to: 100 };
    await insertLedgerRange(store.client, range);
    // As a kill between token and part leaves it.
    await store.client.command({
      query: 'ALTER TABLE ingest_ranges DELETE WHERE stream = 30 SETTINGS mutations_sync = 1',
    });
    expect(await readLedgerRanges(store.client, question)).toEqual([]);
    await insertLedgerRange(store.client, range);
    await insertLedgerRange(store.client, range);
    expect(await readLedgerRanges(store.client, question)).toHaveLength(1);
  });

  test('knows the position of each Kafka partition of one stream, and none where nothing is stored', async () => {
    for (const [kafkaPartition, firstOffset, nextOffset] of [
      [0, 0, 10],
      [0, 10, 25],
      [4, 100, 101],
    ] as const) {
      const token = `positions-${kafkaPartition}-${firstOffset}`;
      await insertLedgerRange(
        store.client,
        exampleRange({ stream: 20, kafkaPartition, firstOffset, nextOffset, token }),
      );
    }
    await insertLedgerRange(store.client, exampleRange({ stream: 21, nextOffset: 99, token: 'other' }));
    expect(await readLedgerPositions(store.client, 20)).toEqual(
      new Map([
        [0, 25],
        [4, 101],
      ]),
    );
    expect(await readLedgerPositions(store.client, 22)).toEqual(new Map());
  });

  test('knows the last range of a Kafka partition', async () => {
    for (const firstOffset of [10, 0, 20]) {
      const range = { stream: 25, kafkaPartition: 2, firstOffset, nextOffset: firstOffset + 10 };
      await insertLedgerRange(store.client, exampleRange({ ...range, token: `last-${firstOffset}` }));
    }
    const place = { stream: 25, kafkaPartition: 2 };
    expect(await readLastLedgerRange(store.client, place)).toMatchObject({
      token: 'last-20',
      nextOffset: 30,
    });
    expect(await readLastLedgerRange(store.client, { ...place, kafkaPartition: 3 })).toBeNull();
  });

  test('finds the ranges that a span touches, half-open on both sides', async () => {
    for (const firstOffset of [0, 10, 20]) {
      const range = { stream: 30, firstOffset, nextOffset: firstOffset + 10, token: `span-${firstOffset}` };
      await insertLedgerRange(store.client, exampleRange(range));
    }
    const found = async (from: number, to: number) =>
      (await readLedgerRanges(store.client, { stream: 30, kafkaPartition: 0, from, to })).map(
        ({ firstOffset }) => firstOffset,
      );
    expect(await found(0, 30)).toEqual([0, 10, 20]);
    expect(await found(10, 20)).toEqual([10]);
    expect(await found(9, 11)).toEqual([0, 10]);
    expect(await found(30, 99)).toEqual([]);
  });

  test('shows a range once that was written twice, whether or not the token was remembered', async () => {
    const range = exampleRange({ stream: 40, token: 'again' });
    await insertLedgerRange(store.client, range);
    await insertLedgerRange(store.client, range);
    await insertLedgerRange(store.client, { ...range, token: 'forgotten' });
    const entries = await readLedgerRanges(store.client, { stream: 40, kafkaPartition: 0, from: 0, to: 9 });
    expect(entries).toHaveLength(1);
  });

  test('says that nothing was stored where a range held only duplicates', async () => {
    const range = exampleRange({
      stream: 50,
      stored: 0,
      duplicates: 1,
      ingestedAtMax: null,
      lastRecord: null,
    });
    await insertLedgerRange(store.client, range);
    const entries = await readLedgerRanges(store.client, { stream: 50, kafkaPartition: 0, from: 0, to: 9 });
    expect(entries).toMatchObject([{ stored: 0, duplicates: 1, ingestedAtMax: null, lastRecord: null }]);
  });
});
