import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readMigrations } from './migration-files.ts';
import { ROLLUPS } from './rollups.ts';
import { createRollupViewStatement, createTableStatement, createTagSetsViewStatement } from './table-ddl.ts';
import { MIGRATIONS_TABLE, TABLES } from './tables.ts';
import { createUsageEventsViewStatement } from './usage-events-view.ts';

test('migrations are numbered from 1 without a gap', async () => {
  const migrations = await readMigrations();
  expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, i) => i + 1));
});

test('the migrations say what the list of tables says', async () => {
  const statements = (await readMigrations()).flatMap((migration) => migration.statements);
  for (const table of TABLES) {
    if (table !== MIGRATIONS_TABLE) expect(statements).toContain(createTableStatement(table));
  }
  for (const rollup of ROLLUPS) expect(statements).toContain(createRollupViewStatement(rollup));
  expect(statements).toContain(createTagSetsViewStatement());
  expect(statements).toContain(createUsageEventsViewStatement());
});

test('every statement can be run again', async () => {
  const statements = (await readMigrations()).flatMap((migration) => migration.statements);
  for (const statement of statements) expect(statement).toMatch(/ IF (NOT )?EXISTS /);
});

test('a file is split at semicolons that end a line, and comments are left out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  await writeFile(join(folder, '0002-second.sql'), 'SELECT 2');
  await writeFile(
    join(folder, '0001-first.sql'),
    "-- why; because\nSELECT ';' AS a;\n\n  -- more\nSELECT\n  3;\n",
  );
  await writeFile(join(folder, 'notes.txt'), 'SELECT 4;');
  expect(await readMigrations(folder)).toMatchObject([
    { number: 1, name: 'first', statements: ["SELECT ';' AS a", 'SELECT\n  3'] },
    { number: 2, name: 'second', statements: ['SELECT 2'] },
  ]);
});

test('the checksum follows the whole file, comments too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  const file = join(folder, '0001-first.sql');
  await writeFile(file, '-- a\nSELECT 1;');
  const [before] = await readMigrations(folder);
  await writeFile(file, '-- b\nSELECT 1;');
  const [after] = await readMigrations(folder);
  expect(after?.statements).toEqual(before?.statements);
  expect(after?.checksum).not.toBe(before?.checksum);
});
