import { randomBytes } from 'node:crypto';
import { createKafka, ensureTopics, topicNames } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import { createStoreClient, insertLedgerRange, migrate, mintStream, ROLLUPS } from '@meterstone/store';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { auditLedger } from './audit-ledger.ts';
import { type AuditMemory, createAuditMemory } from './audit-memory.ts';
import { auditRollups } from './audit-rollups.ts';
import { groupByOrgs } from './compare-orgs.ts';
import { countRaw } from './count-raw.ts';
import { lostRange } from './lost-range.ts';
import { readMonths } from './month-parts.ts';
import { readMonthSlices } from './month-slices.ts';
import { readStopFacts } from './stops.ts';

const suffix = randomBytes(4).toString('hex');
const prefix = `slices-${suffix}`;
const database = `slices_${suffix}`;
const topic = topicNames(prefix).usageEvents;
const kafka = createKafka({
  brokers: inject('kafkaBrokers').split(','),
  clientId: 'slices-test',
  logger: createLogger({ service: 'slices-test', level: 'silent' }),
});
const storeOf = (name: string) =>
  createStoreClient({ url: inject('clickhouseUrl'), username: 'default', password: '', database: name });
const store = storeOf(database);
const options = { kafka, groupId: `${prefix}.aggregator`, topic, store };

const GRANULE_ROWS = 8_192;
const ROWS = 60_000;
const SLICE_ROWS = 20_000;
/** One insert makes one part of a month. */
const insert = (query: string) =>
  store.command({ query, clickhouse_settings: { async_insert: 0, max_threads: 1 } });

/**
 * Rows of one Kafka partition in one month, and their ledger row: half of them of one org without users, the rest of
 * six orgs. The rows are what the audit looks at, and no more.
 */
async function fill(month: string, firstOffset: number, rows = ROWS): Promise<void> {
  await insert(
    [
      'INSERT INTO raw_events (org_id, user_key, occurred_at, stream, kafka_partition, kafka_offset, output_tokens, charge)',
      "SELECT if(number % 2 = 0, 'giant', concat('org-', toString(number % 6))),",
      "  if(number % 2 = 0, toFixedString('', 16), CAST(substring(MD5(toString(number % 500)), 1, 16) AS FixedString(16))),",
      `  toDateTime64('${month}-01 00:00:00', 3, 'UTC') + (number * 37) % 2000000, 1, number % 2, ${firstOffset} + intDiv(number, 2),`,
      `  number % 100, toDecimal128(number, 12) / 1000 FROM numbers(${rows})`,
    ].join(' '),
  );
  for (const kafkaPartition of [0, 1]) {
    const range = { stream: 1, kafkaPartition, firstOffset, nextOffset: firstOffset + rows / 2 };
    const stored = rows / 2;
    await insertLedgerRange(store, { ...lostRange(range), records: stored, stored, ingestedAtMax: 1 });
  }
}

interface Audited {
  readonly ledger: readonly string[];
  readonly rollups: readonly string[];
  /** Rows that ClickHouse read for it, in all and for the greatest of its queries. */
  readonly readRows: number;
  readonly readRowsMost: number;
}

async function audit(memory: AuditMemory, sliceRowsMax: number): Promise<Audited> {
  const [since = ''] = await firstRow('SELECT toString(now64(6))');
  const partitions = await auditLedger({ ...options, memory, sliceRowsMax });
  const drifts = await auditRollups({ store, memory, sliceRowsMax, sleep: async () => {} });
  await store.command({ query: 'SYSTEM FLUSH LOGS' });
  const [sum, most] = await firstRow(
    [
      'SELECT sum(read_rows), max(read_rows) FROM system.query_log',
      `WHERE type = 'QueryFinish' AND current_database = '${database}' AND has(tables, '${database}.raw_events')`,
      `AND event_time_microseconds >= '${since}'`,
    ].join(' '),
  );
  return {
    // Nothing was sent to Kafka.
    ledger: partitions.flatMap(({ kafkaPartition, faults }) =>
      faults
        .filter(({ kind }) => kind !== 'log_ends_before')
        .map(({ kind, detail }) => `${kafkaPartition}: ${kind}, ${detail}`),
    ),
    rollups: drifts.map(({ rollup, day, orgId, column, missing }) =>
      [rollup, day, orgId, column, missing].join(' '),
    ),
    readRows: Number(sum),
    readRowsMost: Number(most),
  };
}

async function firstRow(query: string): Promise<string[]> {
  const answer = await store.query({ query, format: 'JSONCompactStrings' });
  return (await answer.json<string[]>()).data[0] ?? [];
}

beforeAll(async () => {
  await ensureTopics(kafka, { prefix, kafkaPartitions: 2, replicationFactor: 1 });
  await migrate({ client: store, database });
  await mintStream(store, { topic, fingerprint: (await readStopFacts(options)).topicId });
  await fill('2026-01', 0);
  await fill('2026-03', ROWS / 2);
});

afterAll(() => store.close());

describe('an audit in slices', () => {
  it('cuts a month where its rows lie, an org of half of them included, and groups the slices by orgs', async () => {
    const [january] = await readMonths(store);
    expect(january?.name).toBe('202601');
    const month = january ?? { name: '', parts: new Map() };
    const slices = await readMonthSlices(options, month, SLICE_ROWS);
    expect(slices).toHaveLength(ROWS / SLICE_ROWS);
    expect(slices[0]?.to?.orgId).toBe('giant');
    const groups = groupByOrgs(slices);
    expect(groups.map(({ fromOrg, toOrg }) => [fromOrg, toOrg])).toEqual([
      [null, 'giant'],
      ['giant', slices[1]?.to?.orgId],
      [slices[1]?.to?.orgId, null],
    ]);
    expect(await readMonthSlices(options, month)).toEqual([{ month: '202601', from: null, to: null }]);
    const spread = { ...month, parts: new Map([['raw_events', null]]) };
    expect(await readMonthSlices(options, spread, 1)).toHaveLength(1);
  });

  it('reads no more at a time than a slice, and finds nothing where nothing is', async () => {
    const whole = await audit(createAuditMemory(), 10 * ROWS);
    expect(whole).toMatchObject({ ledger: [], rollups: [] });
    expect(whole.readRowsMost).toBe(ROWS);
    const sliced = await audit(createAuditMemory(), SLICE_ROWS);
    expect(sliced).toMatchObject({ ledger: [], rollups: [] });
    // A granule more at either end.
    expect(sliced.readRowsMost).toBeLessThanOrEqual(SLICE_ROWS + 2 * GRANULE_ROWS);
  });

  it('finds in slices what it finds in one', async () => {
    const [rollup] = ROLLUPS;
    await insert(
      `INSERT INTO ${rollup?.name} (org_id, period_start, output_tokens) VALUES ('giant', '2026-01-20 10:00:00', 7), ('nobody', '2026-01-21 10:00:00', 1)`,
    );
    const whole = await audit(createAuditMemory(), 10 * ROWS);
    expect(whole.rollups).toContain(`${rollup?.name} 2026-01-20 giant output_tokens -7`);
    expect(whole.rollups).toContain(`${rollup?.name} 2026-01-21 nobody output_tokens -1`);
    const sliced = await audit(createAuditMemory(), SLICE_ROWS);
    expect([...sliced.rollups].sort()).toEqual([...whole.rollups].sort());
    await insert(
      `INSERT INTO ${rollup?.name} (org_id, period_start, output_tokens) VALUES ('giant', '2026-01-20 10:00:00', -7), ('nobody', '2026-01-21 10:00:00', -1)`,
    );
  });
});

it('looks at all of it, in one piece a month, where the tables are spread over shards', async () => {
  await store.command({ query: `CREATE DATABASE ${database}_spread` });
  for (const table of ['raw_events', ...ROLLUPS.map(({ name }) => name)]) {
    const query = `CREATE TABLE ${database}_spread.${table} AS ${database}.${table} ENGINE = Distributed('meterstone', '${database}', '${table}')`;
    await store.command({ query });
  }
  const spread = storeOf(`${database}_spread`);
  const memory = createAuditMemory();
  const progress: string[] = [];
  const ask = { store: spread, memory, sliceRowsMax: 1, sleep: async () => {} };
  const onProgress = (line: string) => void progress.push(line);
  expect(await auditRollups({ ...ask, onProgress })).toEqual([]);
  expect(progress).toEqual(['rollups: 202601, orgs 1 of 1', 'rollups: 202603, orgs 1 of 1']);
  const places = [{ stream: 1, kafkaPartition: 1, position: 10 }];
  expect(await countRaw(ask, places)).toEqual(new Map([['1/1', { below: 10, beyond: ROWS - 10 }]]));
  expect(memory).toEqual(createAuditMemory());
  await spread.close();
});

describe('an audit that remembers', () => {
  const memory = createAuditMemory();
  const again = () => audit(memory, SLICE_ROWS);

  it('reads nothing of what has not changed, and of what has no more than its month', async () => {
    // Parts that are merged are read once more.
    for (const table of ['raw_events', ...ROLLUPS.map(({ name }) => name)]) {
      await store.command({ query: `OPTIMIZE TABLE ${table} FINAL` });
    }
    expect((await again()).readRows).toBeGreaterThanOrEqual(4 * ROWS);
    expect(await again()).toMatchObject({ ledger: [], rollups: [], readRows: 0 });
    const offset = ROWS;
    await fill('2026-04', offset, 1_000);
    const young = await again();
    expect(young).toMatchObject({ ledger: [], rollups: [] });
    expect(young.readRows).toBe(2 * 1_000);
    // A pass costs the same when there is twice the old data.
    await fill('2026-02', offset + 500);
    await fill('2026-05', offset + 500 + ROWS / 2, 1_000);
    await again();
    await fill('2026-06', offset + 1_000 + ROWS / 2, 1_000);
    expect(await again()).toMatchObject({ ledger: [], rollups: [], readRows: young.readRows });
  });

  it('finds a loss, a double and a drift in an old month, until it is gone', async () => {
    const lost = "org_id = 'org-3' AND kafka_partition = 1 AND kafka_offset = 1";
    await store.command({ query: `DELETE FROM raw_events WHERE ${lost}` });
    const loss = await again();
    expect(loss.ledger).toEqual(['1: count_differs, the ledger says 91500 rows, raw has 91499']);
    expect(loss.rollups).toContain('usage_day 2026-01-01 org-3 output_tokens -3');
    expect((await again()).ledger).toEqual(loss.ledger);

    // The row comes back, twice in raw and with it in every rollup.
    const row = (time: string) =>
      `INSERT INTO raw_events (org_id, user_key, occurred_at, stream, kafka_partition, kafka_offset, output_tokens, charge) VALUES ('org-3', unhex(''), '${time}', 1, 1, 1, 3, 0.003)`;
    await insert(row('2026-01-01 00:01:51'));
    const whole = await again();
    expect(whole.ledger).toEqual([]);
    expect(whole.rollups).toContain('usage_day 2026-01-01 org-3 output_tokens -3');
    await insert(row('2026-01-01 00:01:52'));
    expect((await again()).ledger).toEqual(['1: count_differs, the ledger says 91500 rows, raw has 91501']);
    await store.command({ query: "DELETE FROM raw_events WHERE occurred_at = '2026-01-01 00:01:52'" });
    expect((await again()).ledger).toEqual([]);
    // What is planted in a rollup alone shows too.
    await insert(
      "INSERT INTO user_day (org_id, period_start, attempts) VALUES ('org-1', '2026-03-05 00:00:00', 1)",
    );
    expect((await again()).rollups).toContain('user_day 2026-03-05 org-1 attempts -1');
  });

  it('finds that a whole month is gone', async () => {
    await store.command({ query: "ALTER TABLE raw_events DROP PARTITION '202602'" });
    expect((await again()).ledger).toEqual([
      '0: count_differs, the ledger says 91500 rows, raw has 61500',
      '1: count_differs, the ledger says 91500 rows, raw has 61500',
    ]);
  });
});
