import { createStoreClient, migrate } from '@meterstone/store';
import type { BenchStack } from '../stack/bench-stack.ts';
import type { ClickHouse } from '../stack/clickhouse.ts';

/** How the aggregator's inserts looked to ClickHouse. */
export interface InsertProfile {
  /** Rows of the usual insert. */
  readonly blockRows: number;
  /** Every setting that was not at its default. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Reads it from the server's own record of the queries, so that the baseline runs under what was really used. */
export async function readInsertProfile(clickhouse: ClickHouse, database: string): Promise<InsertProfile> {
  await clickhouse.run('SYSTEM FLUSH LOGS');
  const [profile] = await clickhouse.rows(
    `SELECT quantileExact(0.5)(read_rows) AS block_rows, any(Settings) AS settings FROM system.query_log
     WHERE type = 'QueryFinish' AND query_kind = 'Insert' AND current_database = '${database}'
     AND has(tables, '${database}.raw_events')`,
  );
  const blockRows = Number(profile?.['block_rows']);
  if (!(blockRows > 0)) throw new Error(`the query log has no inserts into ${database}.raw_events`);
  return {
    blockRows,
    settings: JSON.parse(profile?.['settings'] ?? '{}') as Record<string, string>,
  };
}

/** Names another block, or is said for this statement below and by its sender. */
const NOT_TAKEN = ['insert_deduplication_token', 'max_execution_time', 'wait_end_of_query'];

export interface InsertSelectOptions {
  readonly clickhouse: ClickHouse;
  readonly stack: BenchStack;
  readonly database: string;
  /** Name of the file in the server's folder. */
  readonly file: string;
  readonly profile: InsertProfile;
}

/**
 * The baseline: the same rows from a file into identical tables, one insert thread, the same block size and settings,
 * nothing to decode, to price or to look up. Gives its seconds.
 */
export async function insertSelect(options: InsertSelectOptions): Promise<number> {
  const { clickhouse, stack, database, file, profile } = options;
  await createTables(stack, database);
  const columns = await clickhouse.rows(
    `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = 'raw_events'
     AND default_kind = '' ORDER BY position`,
  );
  const structure = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  const names = columns.map(({ name }) => name).join(', ');
  const text = structure.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  const startedAt = performance.now();
  await clickhouse.run(
    `INSERT INTO ${database}.raw_events (${names}) SELECT * FROM file('${file}', 'RowBinary', '${text}')`,
    settingsOf(profile),
  );
  return (performance.now() - startedAt) / 1000;
}

function settingsOf({ settings, blockRows }: InsertProfile): Record<string, string> {
  const taken = Object.entries(settings).filter(([name]) => !NOT_TAKEN.includes(name));
  const rows = String(blockRows);
  return {
    ...Object.fromEntries(taken),
    max_insert_threads: '1',
    max_block_size: rows,
    max_insert_block_size: rows,
    min_insert_block_size_rows: rows,
    min_insert_block_size_rows_for_materialized_views: rows,
    // An INSERT … SELECT has no range of offsets to be named by.
    insert_deduplicate: '0',
    deduplicate_insert: 'disable',
    max_execution_time: '0',
  };
}

/** By the product's own migrations. */
async function createTables({ stack }: BenchStack, database: string): Promise<void> {
  const client = createStoreClient({ url: stack.clickhouseUrl, username: 'default', password: '', database });
  try {
    await migrate({ client, database });
  } finally {
    await client.close();
  }
}
