import type { StoreClient } from './client.ts';
import { StoreError } from './errors.ts';
import { type Migration, readMigrations } from './migration-files.ts';
import { toStoreError } from './server-error.ts';
import { createTableStatement } from './table-ddl.ts';
import { MIGRATIONS_TABLE } from './tables.ts';

/** Where progress is told; any logger of pino's shape. */
interface MigrationLogger {
  info(facts: Readonly<Record<string, unknown>>, message: string): void;
}

export interface MigrationOptions {
  /** Bound to `database`, which need not exist yet; its user may create databases, tables and views. */
  readonly client: StoreClient;
  readonly database: string;
  readonly logger?: MigrationLogger;
  /** @default the migrations of this package */
  readonly migrations?: readonly Migration[];
}

const STATEMENT_DEADLINE_MS = 50_000;
/** A database that surely exists. The header wins over the client's own database, which may not exist yet. */
const EXISTING_DATABASE = { 'X-ClickHouse-Database': 'system' };

/**
 * Brings the database to the state this program needs, and says how many migrations that took. Several programs may
 * do it at once and any may die half way: every statement can be run again, and a migration is recorded only after
 * its last one. Migrations in the database that this program does not know are left alone (a newer program was here).
 * Errors: `migration_changed`, and those of the server.
 */
export async function migrate(options: MigrationOptions): Promise<number> {
  const { client, database, logger } = options;
  const migrations = options.migrations ?? (await readMigrations());
  await run(client, `CREATE DATABASE IF NOT EXISTS ${quoted(database)}`, EXISTING_DATABASE);
  await run(client, inDatabase(createTableStatement(MIGRATIONS_TABLE), database));
  const applied = await readApplied(client);
  let count = 0;
  for (const migration of migrations) {
    const checksum = applied.get(migration.number);
    if (checksum === undefined) {
      await apply(options, migration);
      logger?.info({ number: migration.number, name: migration.name }, 'migration applied');
      count += 1;
    } else if (checksum !== migration.checksum) {
      const message = `migration ${migration.number} (${migration.name}) differs from the one this database has had`;
      throw new StoreError('migration_changed', message, { retryable: false });
    }
  }
  return count;
}

async function apply({ client, database }: MigrationOptions, migration: Migration): Promise<void> {
  for (const statement of migration.statements) await run(client, inDatabase(statement, database));
  const { number, name, checksum } = migration;
  await run(
    client,
    `INSERT INTO ${MIGRATIONS_TABLE.name} (number, name, checksum) SETTINGS async_insert = 0 ` +
      `VALUES (${number}, '${name}', '${checksum}')`,
  );
}

async function readApplied(client: StoreClient): Promise<Map<number, string>> {
  const deadline = AbortSignal.timeout(STATEMENT_DEADLINE_MS);
  try {
    const answer = await client.query({
      query: `SELECT number, checksum FROM ${MIGRATIONS_TABLE.name} ORDER BY applied_at`,
      format: 'JSONEachRow',
      abort_signal: deadline,
    });
    const rows = await answer.json<{ number: number; checksum: string }>();
    return new Map(rows.map(({ number, checksum }) => [number, checksum]));
  } catch (error) {
    throw toStoreError(error, deadline);
  }
}

async function run(client: StoreClient, query: string, headers: Record<string, string> = {}): Promise<void> {
  const deadline = AbortSignal.timeout(STATEMENT_DEADLINE_MS);
  try {
    await client.command({ query, http_headers: headers, abort_signal: deadline });
  } catch (error) {
    throw toStoreError(error, deadline);
  }
}

function inDatabase(statement: string, database: string): string {
  return statement.replaceAll('{database}', quoted(database));
}

function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
