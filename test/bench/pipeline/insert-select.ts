import type { BenchStack } from '../stack/bench-stack.ts';
import type { ClickHouse } from '../stack/clickhouse.ts';
import { createTables, type RawLayout, rowsOfFile } from './raw-layout.ts';

/** How the aggregator's inserts looked to ClickHouse. */
export interface InsertProfile {
  /** Rows of the insert in which the median row is. */
  readonly blockRows: number;
  /** Every setting that was not at its default. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Reads settings from the server's own record of the queries, so that the baseline runs under what was really used, and
 * rows from the ledger: those of the query log have every view's share in them.
 */
export async function readInsertProfile(clickhouse: ClickHouse, database: string): Promise<InsertProfile> {
  await clickhouse.run('SYSTEM FLUSH LOGS');
  const [query] = await clickhouse.rows(
    `SELECT any(Settings) AS settings FROM system.query_log
     WHERE type = 'QueryFinish' AND query_kind = 'Insert' AND current_database = '${database}'
     AND has(tables, '${database}.raw_events')`,
  );
  const [range] = await clickhouse.rows(
    `SELECT quantileExactWeighted(0.5)(stored, stored) AS block_rows FROM ${database}.ingest_ranges`,
  );
  const blockRows = Number(range?.['block_rows']);
  const settings = JSON.parse(query?.['settings'] ?? '{}') as Record<string, string>;
  if (!(blockRows > 0) || Object.keys(settings).length === 0) {
    throw new Error(`there are no inserts into ${database}.raw_events`);
  }
  return { blockRows, settings };
}

/** One way of the same statement. */
export interface InsertWay {
  readonly format: 'RowBinary' | 'Native';
  readonly threads: 1 | 2;
  readonly blockRows: number;
}

/** The way that is like the aggregator's own. */
export function aggregatorsWay({ blockRows }: InsertProfile): InsertWay {
  return { format: 'RowBinary', threads: 1, blockRows };
}

/** A way as a word in a database's name, and for a person. */
export function nameOfWay({ format, threads, blockRows }: InsertWay): string {
  return `${format.toLowerCase()}_${threads}_${blockRows}`;
}

/** Names another block, or is said for this statement below and by its sender. */
const NOT_TAKEN = ['insert_deduplication_token', 'max_execution_time', 'wait_end_of_query'];

export interface InsertSelectOptions {
  readonly clickhouse: ClickHouse;
  readonly stack: BenchStack;
  readonly layout: RawLayout;
  readonly profile: InsertProfile;
  readonly database: string;
  /** Names of the files in the server's folder, with the same rows. */
  readonly files: Readonly<Record<InsertWay['format'], string>>;
  readonly way: InsertWay;
  /** Only so many of them. @default all */
  readonly rowsMax?: number;
}

/**
 * The baseline: the same rows from a file into identical tables, with the aggregator's settings, nothing to decode, to
 * price or to look up. Gives its seconds.
 */
export async function insertSelect(options: InsertSelectOptions): Promise<number> {
  const { clickhouse, stack, layout, database, files, profile, way, rowsMax } = options;
  await createTables(stack, database);
  const rows = rowsOfFile(files[way.format], way.format, layout);
  const limit = rowsMax === undefined ? '' : ` LIMIT ${rowsMax}`;
  const startedAt = performance.now();
  await clickhouse.run(
    `INSERT INTO ${database}.raw_events (${layout.names}) SELECT * FROM ${rows}${limit}`,
    settingsOf(profile, way),
  );
  return (performance.now() - startedAt) / 1000;
}

/** Writes the same rows once more, in ClickHouse's own format. */
export async function writeNativeFile(
  clickhouse: ClickHouse,
  { files, layout }: Pick<InsertSelectOptions, 'files' | 'layout'>,
): Promise<void> {
  await clickhouse.run(
    `INSERT INTO FUNCTION ${rowsOfFile(files.Native, 'Native', layout)}
     SELECT * FROM ${rowsOfFile(files.RowBinary, 'RowBinary', layout)}`,
  );
}

function settingsOf({ settings }: InsertProfile, { threads, blockRows }: InsertWay): Record<string, string> {
  const taken = Object.entries(settings).filter(([name]) => !NOT_TAKEN.includes(name));
  const rows = String(blockRows);
  return {
    ...Object.fromEntries(taken),
    max_insert_threads: String(threads),
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
