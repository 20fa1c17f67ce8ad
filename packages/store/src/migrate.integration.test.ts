import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createStoreClient, type StoreClient } from './client.ts';
import { migrate } from './migrate.ts';
import { type Migration, readMigrations } from './migration-files.ts';
import { TABLES } from './tables.ts';

const database = `migrate_${randomBytes(6).toString('hex')}`;
let client: StoreClient;
let migrations: Migration[];

beforeAll(async () => {
  client = createStoreClient({ url: inject('clickhouseUrl'), username: 'default', password: '', database });
  migrations = await readMigrations();
});

afterAll(() => client.close());

test('several migrators at once, and another later, leave one migrated database', async () => {
  const counts = await Promise.all([1, 2, 3].map(() => migrate({ client, database })));
  expect(Math.max(...counts)).toBe(migrations.length);
  expect(await migrate({ client, database })).toBe(0);
  const recorded = await select('SELECT number, name FROM migrations FINAL ORDER BY number');
  expect(recorded).toEqual(migrations.map(({ number, name }) => ({ number, name })));
});

test('the database has the tables of the list, column by column', async () => {
  for (const table of TABLES) {
    const columns = await select(
      `SELECT name, type, compression_codec AS codec, default_expression FROM system.columns
       WHERE database = '${database}' AND table = '${table.name}' ORDER BY position`,
    );
    expect(columns).toEqual(
      table.columns.map(({ name, type, codec, defaultExpression }) => ({
        name,
        type,
        codec: codec === null ? '' : `CODEC(${codec})`,
        default_expression: defaultExpression ?? '',
      })),
    );
    const [stored] = await select(
      `SELECT engine, trim(BOTH '()' FROM sorting_key) AS sorting_key, partition_key, create_table_query FROM system.tables
       WHERE database = '${database}' AND name = '${table.name}'`,
    );
    expect(stored).toMatchObject({
      engine: table.engine,
      sorting_key: table.orderBy.join(', '),
      partition_key: table.partitionBy ?? '',
    });
    expect(stored?.['create_table_query']).toContain('non_replicated_deduplication_window = 10000');
  }
});

test('a migration that died half way is run again as a whole', async () => {
  const [first] = migrations;
  const half: Migration = {
    number: 9001,
    name: 'half',
    checksum: 'a',
    statements: [...(first?.statements ?? []), 'CREATE TABLE IF NOT EXISTS {database}.x (broken'],
  };
  await expect(migrate({ client, database, migrations: [half] })).rejects.toMatchObject({
    code: 'server_refused',
  });
  const whole = { ...half, checksum: 'b', statements: half.statements.slice(0, -1) };
  expect(await migrate({ client, database, migrations: [whole] })).toBe(1);
});

test('a migration that was applied with another text stops', async () => {
  const changed = migrations.map((migration) => ({ ...migration, checksum: `not ${migration.checksum}` }));
  await expect(migrate({ client, database, migrations: changed })).rejects.toMatchObject({
    code: 'migration_changed',
    retryable: false,
  });
});

test('what a newer program applied is left alone', async () => {
  expect(await migrate({ client, database, migrations: migrations.slice(0, 1) })).toBe(0);
});

async function select(query: string): Promise<Record<string, unknown>[]> {
  const answer = await client.query({ query, format: 'JSONEachRow' });
  return answer.json<Record<string, unknown>>();
}
