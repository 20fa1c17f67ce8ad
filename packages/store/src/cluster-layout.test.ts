import { expect, test } from 'vitest';
import { type ClusterLayout, databaseStatements, inDatabase, inLayout } from './cluster-layout.ts';
import { readMigrations } from './migration-files.ts';
import { createTableStatement } from './table-ddl.ts';
import { MIGRATIONS_TABLE } from './tables.ts';

const LAYOUTS: readonly [string, ClusterLayout][] = [
  ['of a replicated server', { cluster: 'meterstone', sharded: false, replicated: true, onCluster: true }],
  ['of replicated shards', { cluster: 'meterstone', sharded: true, replicated: true, onCluster: true }],
  [
    'of shards, each by itself',
    { cluster: 'meterstone', sharded: true, replicated: false, onCluster: false },
  ],
];

test.each(LAYOUTS)('the statements %s', async (_, layout) => {
  const statements = [
    ...databaseStatements(layout),
    ...(await allStatements()).flatMap((s) => inLayout(s, layout)),
  ];
  expect(`\n${statements.join(';\n\n')}\n`).toMatchSnapshot();
});

test.each(LAYOUTS)(
  'every table %s remembers tokens, and its engine is the one that does',
  async (_, layout) => {
    for (const statement of (await allStatements()).flatMap((s) => inLayout(s, layout))) {
      if (!statement.startsWith('CREATE TABLE') || statement.includes('ENGINE = Distributed')) continue;
      expect(/^ENGINE = Replicated\w*MergeTree$/m.test(statement)).toBe(layout.replicated);
      expect(statement.includes(' replicated_deduplication_window = 10000')).toBe(layout.replicated);
      expect(statement.includes('non_replicated_deduplication_window')).toBe(!layout.replicated);
      if (layout.sharded) expect(statement).toContain('{shard_database}.');
    }
  },
);

test('on one server, every statement stands as it was written', async () => {
  for (const statement of await allStatements()) expect(inLayout(statement, null)).toEqual([statement]);
});

test('a statement that the layout does not know stops', () => {
  const [, layout] = LAYOUTS[0] ?? [];
  expect(() => inLayout('ALTER TABLE {database}.x ADD COLUMN y Int64', layout ?? null)).toThrowError(
    RangeError,
  );
});

test('names of databases are quoted', () => {
  expect(inDatabase('{database}.a, {shard_database}.b', 'o`dd')).toBe('`o\\`dd`.a, `o\\`dd_shard`.b');
});

async function allStatements(): Promise<string[]> {
  const migrations = await readMigrations();
  return [createTableStatement(MIGRATIONS_TABLE), ...migrations.flatMap(({ statements }) => statements)];
}
