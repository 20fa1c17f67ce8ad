import { createStoreClient, migrate } from '@meterstone/store';
import type { BenchStack } from '../stack/bench-stack.ts';
import type { ClickHouse } from '../stack/clickhouse.ts';

/** Makes a database with the product's own tables and views, by the product's own migrations. */
export async function createTables({ stack }: BenchStack, database: string): Promise<void> {
  const client = createStoreClient({ url: stack.clickhouseUrl, username: 'default', password: '', database });
  try {
    await migrate({ client, database });
  } finally {
    await client.close();
  }
}

/** The columns of `raw_events` that a writer gives. */
export interface RawLayout {
  /** Names, comma-separated. */
  readonly names: string;
  /** Names and types, comma-separated. */
  readonly structure: string;
}

/** Reads them from the server. */
export async function readRawLayout(clickhouse: ClickHouse, database: string): Promise<RawLayout> {
  const columns = await clickhouse.rows(
    `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = 'raw_events'
     AND default_kind = '' ORDER BY position`,
  );
  return {
    names: columns.map(({ name }) => name).join(', '),
    structure: columns.map(({ name, type }) => `${name} ${type}`).join(', '),
  };
}

/** The rows of a file in the server's folder, as a table function. */
export function rowsOfFile(file: string, format: string, { structure }: RawLayout): string {
  const text = structure.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `file('${file}', '${format}', '${text}')`;
}
