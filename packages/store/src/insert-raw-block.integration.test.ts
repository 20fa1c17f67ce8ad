import { uuidText, uuidToGenerationId } from '@meterstone/metering';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { arbitraryRow } from './arbitrary-row.ts';
import { createStoreClient } from './client.ts';
import { exampleEvent, exampleRating, exampleRow } from './example-row.ts';
import { expectedColumns } from './expected-columns.ts';
import { insertRawBlock } from './insert-raw-block.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { appendRawRow, createRawBlock } from './raw-block.ts';
import { RAW_ROW_COLUMNS } from './raw-events.ts';
import type { RawRow } from './raw-row.ts';
import { REPORT_ROWS } from './report-cases.ts';
import { ROLLUPS } from './rollups.ts';

/** The usage of the report's tests, of an org that no other test here uses. */
const ROWS = REPORT_ROWS.map(({ event, rating }) => ({
  event: { ...event, orgId: `${event.orgId}-twice` },
  rating,
}));

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

test('any row is read back as it was, from one block and in the order of the key', async () => {
  let stream = 1_000_000;
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryRow, { minLength: 1, maxLength: 40 }), async (drawn) => {
      stream += 1;
      const rows = drawn.map((row, kafkaOffset) => ({
        ...row,
        coordinates: { stream, kafkaPartition: 7, kafkaOffset },
      }));
      await insertRows(rows, `property-${stream}`);
      const stored = await select(
        `SELECT ${RAW_ROW_COLUMNS.map(({ name, type }) => readBack(name, type)).join(', ')}
         FROM raw_events AS r WHERE r.stream = ${stream} ORDER BY r.kafka_offset`,
      );
      expect(stored).toEqual(rows.map(expectedColumns));
    }),
    { numRuns: 15, endOnFailure: true },
  );
});

test('the same token changes neither raw nor rollup, and a new one counts again', async () => {
  await store.insert(ROWS, 'first');
  const once = await allSums('acme-twice');
  expect(once).toMatchObject({ raw: { rows: '9', input_tokens: String(1308 + 2 * 7777) } });
  await store.insert(ROWS, 'first');
  expect(await allSums('acme-twice')).toEqual(once);
  await store.insert(ROWS, 'second');
  expect(await allSums('acme-twice')).toMatchObject({
    raw: { rows: '18', input_tokens: String(2 * (1308 + 2 * 7777)) },
  });
});

test.each(ROLLUPS)(
  'what a failure at $name left half done is completed under the same token',
  async ({ name: table }) => {
    const orgId = `half-${table}`;
    const rows = [{ event: exampleEvent({ orgId, inputTokens: 5 }), rating: exampleRating() }];
    await store.client.command({
      query: `ALTER TABLE ${table} ADD CONSTRAINT broken CHECK org_id != 'half-${table}'`,
    });
    await expect(store.insert(rows, orgId)).rejects.toMatchObject({
      code: 'server_refused',
      retryable: false,
    });
    await store.client.command({ query: `ALTER TABLE ${table} DROP CONSTRAINT broken` });
    await store.insert(rows, orgId);
    await store.insert(rows, orgId);
    const { raw, rollups } = await allSums(orgId);
    expect(raw).toMatchObject({ rows: '1', input_tokens: '5' });
    for (const sums of rollups) expect(sums).toMatchObject({ input_tokens: '5', attempts: '1' });
  },
);

test('every sum of every rollup is the sum over raw, for any rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryRow, { minLength: 1, maxLength: 60 }), async (drawn) => {
      const rows = drawn.map((row) => ({
        ...row,
        event: { ...row.event, ...smallCounts(row) },
      }));
      await insertRows(rows, `sums-${rows.length}-${Math.abs(rows[0]?.event.occurredAt ?? 0)}`);
      for (const org of ['acme', 'bolt', 'ünïcödé-org']) {
        const { raw, rollups } = await allSums(org);
        const { rows: _rows, ...sums } = raw;
        expect(rollups).toEqual(ROLLUPS.map(() => sums));
      }
    }),
    { numRuns: 10, endOnFailure: true },
  );
});

test('the view gives the name of the user and the id as callers know it', async () => {
  const eventId = Uint8Array.from({ length: 16 }, (_, i) => 255 - i * 3);
  await store.insert([
    { event: exampleEvent({ orgId: 'view', eventId, user: 'zoë' }), rating: exampleRating() },
    { event: exampleEvent({ orgId: 'view', eventId, line: 1, user: null }), rating: exampleRating() },
  ]);
  const rows = await select(
    "SELECT event_id, generation_id, user, user_key FROM usage_events WHERE org_id = 'view' ORDER BY line",
  );
  const ids = { event_id: uuidText(eventId), generation_id: uuidToGenerationId(eventId) };
  expect(rows).toEqual([
    { ...ids, user: 'zoë', user_key: Buffer.from(store.userKey('view', 'zoë')).toString('hex') },
    { ...ids, user: '', user_key: '0'.repeat(32) },
  ]);
});

test('a block over more than a hundred months is refused and not split', async () => {
  const rows = Array.from({ length: 101 }, (_, month) => ({
    event: exampleEvent({ orgId: 'long', occurredAt: Date.UTC(2015, month, 1) }),
    rating: exampleRating(),
  }));
  await expect(store.insert(rows)).rejects.toMatchObject({ serverCode: '252' });
  expect((await allSums('long')).raw).toMatchObject({ rows: '0' });
});

test('an insert that outlives its deadline is given up', async () => {
  const block = createRawBlock();
  appendRawRow(block, exampleRow());
  const insert = insertRawBlock({ client: store.client, block, token: 'late', deadlineMs: 1 });
  await expect(insert).rejects.toMatchObject({ code: 'deadline_exceeded', retryable: true });
});

test('a server that is not there is unreachable', async () => {
  const client = createStoreClient({
    url: 'http://127.0.0.1:9',
    username: 'default',
    password: '',
    database: 'x',
  });
  const block = createRawBlock();
  appendRawRow(block, exampleRow());
  await expect(insertRawBlock({ client, block, token: 'nowhere' })).rejects.toMatchObject({
    code: 'unreachable',
    retryable: true,
  });
  await client.close();
});

async function insertRows(rows: readonly RawRow[], token: string): Promise<void> {
  const block = createRawBlock();
  for (const row of rows) appendRawRow(block, row);
  await insertRawBlock({ client: store.client, block, token });
}

/** Sums over so many rows must stay within 2^63. */
function smallCounts({ event }: RawRow) {
  const counts = Object.entries(event).filter(([key]) => key.endsWith('Tokens'));
  return Object.fromEntries(counts.map(([key, value]) => [key, Number(value) % 1_000_000_007]));
}

/** Every additive column of an org, from raw and from every rollup. */
async function allSums(orgId: string) {
  const fromRaw = ADDITIVE_COLUMNS.map(({ name, fromRaw }) => `toString(${fromRaw('r')}) AS ${name}`);
  const fromRollup = ADDITIVE_COLUMNS.map(({ name }) => `toString(sum(t.${name})) AS ${name}`);
  const [raw = {}] = await select(
    `SELECT toString(count()) AS rows, ${fromRaw.join(', ')} FROM raw_events AS r WHERE r.org_id = '${orgId}'`,
  );
  const rollups: Record<string, unknown>[] = [];
  for (const { name } of ROLLUPS) {
    rollups.push(
      ...(await select(`SELECT ${fromRollup.join(', ')} FROM ${name} AS t WHERE t.org_id = '${orgId}'`)),
    );
  }
  return { raw, rollups };
}

/** Integers as text, times as milliseconds, keys in hex: the form of `expectedColumns`. */
function readBack(name: string, type: string): string {
  if (name === 'user_key') return `lower(hex(r.${name})) AS ${name}`;
  if (type.startsWith('DateTime64')) return `toString(toUnixTimestamp64Milli(r.${name})) AS ${name}`;
  if (/^(Nullable\()?U?Int(32|64)\)?$/.test(type) || type.includes('Decimal'))
    return `toString(r.${name}) AS ${name}`;
  return `r.${name}`;
}

async function select(query: string): Promise<Record<string, unknown>[]> {
  const answer = await store.client.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
  });
  return answer.json<Record<string, unknown>>();
}
