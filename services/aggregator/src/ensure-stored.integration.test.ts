import { randomBytes } from 'node:crypto';
import { createStoreClient, insertLedgerRange, insertRawBlock, migrate, ROLLUPS } from '@meterstone/store';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createCounters } from './counters.ts';
import { DIFFERENCE_MS_MAX, ensureStored } from './ensure-stored.ts';
import { exampleEvent, exampleRecords, exampleTerms, exampleTools } from './example.ts';
import { InsertGate } from './insert-gate.ts';
import { newLane } from './lane.ts';
import { toLedgerRange } from './ledger-row.ts';
import type { PendingBatch } from './pending-batch.ts';
import { openPending } from './pending-range.ts';

const database = `verify_${randomBytes(6).toString('hex')}`;
const store = createStoreClient({
  url: inject('clickhouseUrl'),
  username: 'default',
  password: '',
  database,
});

beforeAll(() => migrate({ client: store, database }));

afterAll(() => store.close());

let streams = 0;

/** Every range begins at the log's start, so memory decides all; a stream of a larger number would ask. */
const NO_OLDER = {
  findStored: async () => ({ find: () => 'absent' as const }),
  readIdFilter: async () => null,
  onLookUp: () => undefined,
  onClocksAhead: () => undefined,
};

/** A range of some events of an org and a stream of its own, rated and not stored. */
async function pendingOf(orgId: string, names: readonly number[] = [1, 2, 3]): Promise<PendingBatch> {
  streams += 1;
  const records = exampleRecords(names.map((name) => exampleEvent(name, { orgId })));
  const nextOffset = records.length;
  const range = { stream: streams, topic: 't', kafkaPartition: 0, firstOffset: 0, nextOffset, records };
  const terms = exampleTerms();
  const [acme] = terms.orgs.values();
  const orgs = new Map(acme === undefined ? [] : [[orgId, acme]]);
  const rating = exampleTools({ ...terms, orgs });
  const pending = await openPending(newLane(0), range, { rating, sources: NO_OLDER });
  return { ...pending, isUncertain: true };
}

const insert = ({ batch, intent }: PendingBatch, token = intent.token) =>
  insertRawBlock({ client: store, block: batch.block, token });
const command = (query: string) => store.command({ query });

async function ensure(pending: PendingBatch, now = 0) {
  const counters = createCounters();
  const parts = { store, gate: new InsertGate(), counters, now: () => now, sleep: async () => undefined };
  const outcome = await ensureStored(pending, parts).then(
    () => 'stored',
    (error: unknown) =>
      error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : String(error),
  );
  return { outcome, repairs: counters.repairs, verifications: counters.verifications };
}

async function stored(orgId: string) {
  const query = `SELECT (SELECT count() FROM raw_events WHERE org_id = '${orgId}') AS raw, (SELECT sum(attempts) FROM usage_day WHERE org_id = '${orgId}') AS day`;
  const [row] = await (await store.query({ query, format: 'JSONEachRow' })).json<{
    raw: number;
    day: number;
  }>();
  return { raw: Number(row?.raw), day: Number(row?.day) };
}

/** Attempts of an org by rollup. */
async function attempts(orgId: string) {
  const sums = ROLLUPS.map(
    ({ name }) => `(SELECT sum(attempts) FROM ${name} WHERE org_id = '${orgId}') AS ${name}`,
  );
  const answer = await store.query({ query: `SELECT ${sums.join(', ')}`, format: 'JSONEachRow' });
  const [row] = await answer.json<Record<string, number>>();
  return row;
}

const inEvery = (count: number) => Object.fromEntries(ROLLUPS.map(({ name }) => [name, count]));

describe('a block whose insert nobody heard of', () => {
  it('is left alone where it is stored', async () => {
    const pending = await pendingOf('whole');
    await insert(pending);
    expect(await ensure(pending)).toEqual({ outcome: 'stored', repairs: 0, verifications: 1 });
    expect(await stored('whole')).toEqual({ raw: 3, day: 3 });
  });

  it('is stored where nothing of it is', async () => {
    const pending = await pendingOf('nothing');
    expect(await ensure(pending)).toEqual({ outcome: 'stored', repairs: 1, verifications: 2 });
    expect(await stored('nothing')).toEqual({ raw: 3, day: 3 });
  });

  it('is completed where a view failed', async () => {
    const pending = await pendingOf('half');
    await command("ALTER TABLE usage_day ADD CONSTRAINT broken CHECK org_id != 'half'");
    await expect(insert(pending)).rejects.toMatchObject({ code: 'server_refused' });
    await command('ALTER TABLE usage_day DROP CONSTRAINT broken');
    expect(await stored('half')).toEqual({ raw: 3, day: 0 });
    expect(await ensure(pending)).toEqual({ outcome: 'stored', repairs: 1, verifications: 2 });
    expect(await stored('half')).toEqual({ raw: 3, day: 3 });
  });

  it('is stored again where its token outlived its rows', async () => {
    const pending = await pendingOf('token-only');
    await insert(pending);
    for (const table of ['raw_events', 'tags_15m', 'usage_15m', 'usage_day', 'user_day', 'health_15m']) {
      await command(`DELETE FROM ${table} WHERE org_id = 'token-only'`);
    }
    expect(await ensure(pending)).toEqual({ outcome: 'stored', repairs: 1, verifications: 3 });
    expect(await stored('token-only')).toEqual({ raw: 3, day: 3 });
    expect(await ensure(pending)).toMatchObject({ outcome: 'stored', repairs: 0 });
  });

  it.each(ROLLUPS.map(({ name }) => name))(
    'is added to %s alone where that lacks it and knows its token',
    async (rollup) => {
      const orgId = `lost-in-${rollup}`;
      const pending = await pendingOf(orgId);
      await insert(pending);
      await command(`DELETE FROM ${rollup} WHERE org_id = '${orgId}'`);
      expect(await ensure(pending)).toMatchObject({ outcome: 'stored', repairs: 1 });
      expect(await attempts(orgId)).toEqual(inEvery(3));
      expect(await ensure(pending)).toMatchObject({ outcome: 'stored', repairs: 0 });
    },
  );

  it('is stored in raw again, and once in each rollup, where raw alone lost it', async () => {
    const pending = await pendingOf('lost-in-raw');
    await insert(pending);
    await command("DELETE FROM raw_events WHERE org_id = 'lost-in-raw'");
    expect(await ensure(pending)).toMatchObject({ outcome: 'stored', repairs: 1 });
    expect(await stored('lost-in-raw')).toEqual({ raw: 3, day: 3 });
    expect(await attempts('lost-in-raw')).toEqual(inEvery(3));
  });

  it('is told from another block in flight that was lost in the same rollup', async () => {
    const pending = await pendingOf('both', [1, 2, 3]);
    const other = await pendingOf('both', [4, 5]);
    await insert(pending);
    await insert(other);
    await command("DELETE FROM user_day WHERE org_id = 'both'");
    expect((await ensure(pending)).outcome).toMatch(/^not_verified: .*user_day lacks attempts 2/);
    expect((await ensure(other)).outcome).toBe('stored');
    expect((await ensure(pending)).outcome).toBe('stored');
    expect(await attempts('both')).toEqual(inEvery(5));
  });

  it('stops its Kafka partition where a rollup lacks what no block in flight comes to', async () => {
    const pending = await pendingOf('unexplained', [1, 2, 3]);
    const stands = await pendingOf('unexplained', [4, 5]);
    await insert(stands);
    await insertLedgerRange(store, toLedgerRange(stands));
    await insert(pending);
    await command("DELETE FROM usage_day WHERE org_id = 'unexplained'");
    expect((await ensure(pending)).outcome).toMatch(/^not_verified: /);
    const { outcome } = await ensure(pending, DIFFERENCE_MS_MAX);
    expect(outcome).toMatch(
      /^partition_stopped: .*raw has 3 of 3 rows; usage_day lacks attempts 5, .*recover/,
    );
    expect(await stored('unexplained')).toEqual({ raw: 5, day: 0 });
  });

  it('has its tag sets noted again', async () => {
    const pending = await pendingOf('tagged');
    await insert(pending);
    await command("DELETE FROM tag_sets WHERE org_id = 'tagged'");
    await ensure(pending);
    const query = "SELECT uniqExact(tags_hash) AS sets FROM tag_sets WHERE org_id = 'tagged'";
    const [row] = await (await store.query({ query, format: 'JSONEachRow' })).json<{ sets: number }>();
    expect(row).toEqual({ sets: 1 });
  });

  it('stops its Kafka partition where it is stored twice', async () => {
    const pending = await pendingOf('double');
    await insert(pending);
    await insert(pending, 'a token that is not its own');
    await ensure(pending);
    expect((await ensure(pending, DIFFERENCE_MS_MAX)).outcome).toMatch(
      /^partition_stopped: .*raw has 6 of 3 rows/,
    );
  });

  it('waits while another block of its org is half stored, and for no longer', async () => {
    const pending = await pendingOf('shared');
    const other = await pendingOf('shared');
    await insert(pending);
    await command("ALTER TABLE usage_day ADD CONSTRAINT broken CHECK org_id != 'shared'");
    await expect(insert(other)).rejects.toMatchObject({ code: 'server_refused' });
    await command('ALTER TABLE usage_day DROP CONSTRAINT broken');
    expect((await ensure(pending)).outcome).toMatch(/^not_verified: .*usage_day lacks attempts 3/);
    expect((await ensure(pending, DIFFERENCE_MS_MAX - 1)).outcome).toMatch(/^not_verified: /);
    await insert(other);
    expect((await ensure(pending, DIFFERENCE_MS_MAX)).outcome).toBe('stored');
    expect((await ensure(other, DIFFERENCE_MS_MAX)).outcome).toBe('stored');
    expect(await stored('shared')).toEqual({ raw: 6, day: 6 });
  });

  it('stops its Kafka partition where the ledger has gone back meanwhile', async () => {
    const pending = await pendingOf('restored');
    await insert(pending);
    const later = { ...pending, range: { ...pending.range, firstOffset: 5, nextOffset: 8 } };
    expect((await ensure(later)).outcome).toMatch(
      /^partition_stopped: the ledger's position is 0 where .* restored/,
    );
    await insertLedgerRange(store, toLedgerRange(pending));
    expect((await ensure(pending)).outcome).toBe('stored');
  });

  it('is stored once where two owners insert it at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const orgId = `at-once-${round}`;
      const pending = await pendingOf(orgId);
      await Promise.all([insert(pending), insert(pending), insert(pending)]);
      expect(await stored(orgId)).toEqual({ raw: 3, day: 3 });
      expect(await ensure(pending)).toMatchObject({ outcome: 'stored', repairs: 0 });
    }
  });

  it('without rows needs no look', async () => {
    const pending = await pendingOf('empty');
    const records = exampleRecords([Buffer.from('noise')]);
    const range = { ...pending.range, records };
    const empty = await openPending(newLane(0), range, { rating: exampleTools(), sources: NO_OLDER });
    expect(await ensure(empty)).toEqual({ outcome: 'stored', repairs: 0, verifications: 0 });
  });
});
