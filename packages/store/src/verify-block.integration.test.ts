import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleEvent, exampleRating, exampleRow } from './example-row.ts';
import { insertRawBlock } from './insert-raw-block.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { appendRawRow, createRawBlock } from './raw-block.ts';
import { ROLLUPS } from './rollups.ts';
import { compareRollups, countStoredRows } from './verify-block.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

const AT = Date.UTC(2026, 2, 31, 23, 50);
const QUARTER = 900_000;

/** Stores rows of an org at offsets, over the end of a month. */
async function insertRows(orgId: string, offsets: readonly number[], token = `${orgId}-${offsets.join()}`) {
  const block = createRawBlock();
  for (const kafkaOffset of offsets) {
    const event = exampleEvent({ orgId, occurredAt: AT + kafkaOffset * QUARTER, inputTokens: 7 });
    const coordinates = { stream: 3, kafkaPartition: 5, kafkaOffset };
    appendRawRow(block, exampleRow({ event, rating: exampleRating({ marketCost: 5n }), coordinates }));
  }
  await insertRawBlock({ client: store.client, block, token });
}

const scope = (orgId: string, offsets: readonly number[]) => ({
  orgIds: [orgId],
  quarters: offsets.map((offset) => Math.floor((AT + offset * QUARTER) / QUARTER) * QUARTER),
});
const place = (orgId: string, offsets: readonly number[]) => ({
  stream: 3,
  kafkaPartition: 5,
  firstOffset: Math.min(...offsets),
  nextOffset: Math.max(...offsets) + 1,
  scope: scope(orgId, offsets),
});

describe('verification of a block', () => {
  test('counts the rows of a range and no others', async () => {
    await insertRows('count', [0, 1, 2, 9]);
    expect(await countStoredRows(store.client, place('count', [0, 1, 2]))).toEqual({ rows: 3, offsets: 3 });
    expect(await countStoredRows(store.client, place('count', [3, 4]))).toEqual({ rows: 0, offsets: 0 });
    const other = { ...place('count', [0, 1, 2]), stream: 4 };
    expect(await countStoredRows(store.client, other)).toEqual({ rows: 0, offsets: 0 });
  });

  test('tells doubles by their offsets', async () => {
    await insertRows('double', [0, 1]);
    await insertRows('double', [1], 'under another token');
    expect(await countStoredRows(store.client, place('double', [0, 1]))).toEqual({ rows: 3, offsets: 2 });
  });

  test('finds nothing where every rollup says what raw says', async () => {
    await insertRows('equal', [0, 1, 40]);
    expect(await compareRollups(store.client, scope('equal', [0, 1, 40]))).toEqual([]);
  });

  test.each(ROLLUPS.map(({ name }) => name))('finds what %s lacks, column by column', async (rollup) => {
    const orgId = `lacks-${rollup}`;
    await insertRows(orgId, [0, 1]);
    await store.client.command({
      query: `DELETE FROM ${rollup} WHERE org_id = '${orgId}' AND period_start < '2026-04-01'`,
    });
    const differences = await compareRollups(store.client, scope(orgId, [0, 1]));
    expect(differences).toEqual([
      {
        rollup,
        missing: expect.objectContaining({
          attempts: '1',
          input_tokens: '7',
          market_cost: expect.anything(),
        }),
      },
    ]);
    expect(differences[0]?.missing).not.toHaveProperty('output_tokens');
  });

  test('finds what a rollup has too much', async () => {
    await insertRows('more', [0]);
    await store.client.command({
      query: "INSERT INTO usage_day SELECT * FROM usage_day WHERE org_id = 'more'",
    });
    expect(await compareRollups(store.client, scope('more', [0]))).toMatchObject([
      { rollup: 'usage_day', missing: { input_tokens: '-7' } },
    ]);
  });
});
