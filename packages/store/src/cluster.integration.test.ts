import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Stack, startStack } from '@meterstone/local-stack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStoreClient, type StoreClient } from './client.ts';
import { type ClusterLayout, shardDatabase } from './cluster-layout.ts';
import { EXAMPLE_SECRET } from './example-row.ts';
import { insertRawBlock } from './insert-raw-block.ts';
import { insertUsers } from './insert-users.ts';
import { migrate } from './migrate.ts';
import { appendRawRow, createRawBlock } from './raw-block.ts';
import { readRows } from './read.ts';
import { readReport } from './read-report.ts';
import { REPORT_CASES, REPORT_ROWS } from './report-cases.ts';
import { planRollupAudit } from './rollup-audit.ts';
import { ROLLUPS } from './rollups.ts';
import { createUserKeyer } from './user-key.ts';

const LAYOUT: ClusterLayout = { cluster: 'meterstone', sharded: true, replicated: false, onCluster: false };
const CACHE_FOLDER = fileURLToPath(new URL('../../../.meterstone/cache', import.meta.url));

const database = `cluster_${randomBytes(4).toString('hex')}`;
let folder: string;
let stack: Stack;
/** One per shard, for its own tables. */
let shards: StoreClient[];
/** One per server, for the tables over all shards. */
let wholes: StoreClient[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meterstone-shards-'));
  stack = await startStack({ folder, cacheFolder: CACHE_FOLDER, env: process.env, shards: 2 });
  const connect = (url: string, name: string) =>
    createStoreClient({ url, username: 'default', password: '', database: name });
  shards = stack.clickhouseUrls.map((url) => connect(url, shardDatabase(database)));
  wholes = stack.clickhouseUrls.map((url) => connect(url, database));
  for (const client of wholes) await migrate({ client, database, layout: LAYOUT });
  for (const shard of [0, 1]) await insertShard(shard);
});

afterAll(async () => {
  await Promise.all([...shards, ...wholes].map((client) => client.close()));
  await stack.stop(0);
  await rm(folder, { recursive: true, force: true });
});

test('each shard holds its own blocks, and a table over all of them holds both', async () => {
  const counts = await Promise.all(shards.map((client) => count(client)));
  expect(counts).toEqual(['5', '5']);
  for (const client of wholes) expect(await count(client)).toBe('10');
});

test.each(REPORT_CASES)('the report $name, over both shards', async ({ question, rows }) => {
  for (const client of wholes) {
    const answer = await readReport(client, question);
    const stated = answer.rows.map(({ group, requestCount, attempts, inputTokens, totalCost, charge }) => [
      ...Object.values(group),
      requestCount,
      attempts,
      inputTokens,
      totalCost,
      charge,
    ]);
    expect(stated).toEqual(rows);
  }
});

test('a block that is sent again to its shard changes nothing', async () => {
  for (const shard of [0, 1]) await insertShard(shard);
  const [client] = wholes;
  if (client === undefined) throw new Error('no server');
  expect(await count(client)).toBe('10');
  const range = {
    start: Date.UTC(2025, 11, 31),
    end: Date.UTC(2026, 0, 4),
    orgIds: null,
    detail: 'cell',
  } as const;
  for (const rollup of ROLLUPS) {
    const { sql, params } = planRollupAudit(rollup, range);
    expect((await readRows({ client, sql, params, threadsMax: null })).rows).toEqual([]);
  }
});

test('the view of analysts joins the names of both shards', async () => {
  const [client] = wholes;
  const sql = "SELECT DISTINCT user FROM usage_events WHERE org_id = 'acme' ORDER BY user";
  if (client === undefined) throw new Error('no server');
  const { rows } = await readRows({ client, sql, params: {}, threadsMax: null });
  expect(rows).toEqual([[''], ['ann'], ['bob']]);
});

test('a server that was migrated is known to be by itself alone', async () => {
  for (const client of wholes) expect(await migrate({ client, database, layout: LAYOUT })).toBe(0);
});

/** Every second row, as one block of one Kafka partition. */
async function insertShard(shard: number): Promise<void> {
  const client = shards[shard];
  if (client === undefined) throw new Error('no such shard');
  const keyer = createUserKeyer(EXAMPLE_SECRET);
  const block = createRawBlock();
  const users = [];
  for (const [kafkaOffset, { event, rating }] of REPORT_ROWS.entries()) {
    if (kafkaOffset % 2 !== shard) continue;
    const userKey = keyer(event.orgId, event.user);
    appendRawRow(block, {
      event,
      rating,
      userKey,
      coordinates: { stream: 1, kafkaPartition: shard, kafkaOffset },
    });
    if (event.user !== null) users.push({ orgId: event.orgId, userKey, user: event.user });
  }
  await insertUsers({ client, users });
  await insertRawBlock({ client, block, token: `shard-${shard}` });
}

async function count(client: StoreClient): Promise<unknown> {
  const { rows } = await readRows({
    client,
    sql: 'SELECT count() FROM raw_events',
    params: {},
    threadsMax: null,
  });
  return rows[0]?.[0];
}
