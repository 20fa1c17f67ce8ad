import type { StoreClient } from './client.ts';
import { type ClusterLayout, databaseStatements, inDatabase, inLayout } from './cluster-layout.ts';
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
  /** @default one server */
  readonly layout?: ClusterLayout;
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
  const { client, database, logger, layout = null } = options;
  const migrations = options.migrations ?? (await readMigrations());
  for (const statement of databaseStatements(layout)) {
    await run(client, inDatabase(statement, database), EXISTING_DATABASE);
  }
  for (const statement of inLayout(createTableStatement(MIGRATIONS_TABLE), layout)) {
    await run(client, inDatabase(statement, database));
  }
  const applied = await readApplied(options);
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

async function apply(options: MigrationOptions, migration: Migration): Promise<void> {
  const { client, database, layout = null } = options;
  for (const statement of migration.statements.flatMap((written) => inLayout(written, layout))) {
    await run(client, inDatabase(statement, database));
  }
  const { number, name, checksum } = migration;
  await run(
    client,
    `INSERT INTO ${migrationsTable(options)} (number, name, checksum) SETTINGS async_insert = 0 ` +
      `VALUES (${number}, '${name}', '${checksum}')`,
  );
}

/** The server's own table: of a `Distributed` one, another server's rows would pass for this one's. */
function migrationsTable({ database, layout }: MigrationOptions): string {
  const home = layout?.sharded === true ? '{shard_database}' : '{database}';
  return inDatabase(`${home}.${MIGRATIONS_TABLE.name}`, database);
}

async function readApplied(options: MigrationOptions): Promise<Map<number, string>> {
  const deadline = AbortSignal.timeout(STATEMENT_DEADLINE_MS);
  try {
    const answer = await options.client.query({
      query: `SELECT number, checksum FROM ${migrationsTable(options)} ORDER BY applied_at`,
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
