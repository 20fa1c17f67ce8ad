import { ROLLUPS, type StoreClient } from '@meterstone/store';
import { askRows } from './audit-query.ts';

/** The tables of events and rollups in one month, which is how they are partitioned. */
export interface Month {
  /** `202611`, UTC. */
  readonly name: string;
  /** Table → a checksum of its parts' names and contents; `null` = not to be had, as behind a `Distributed` table. */
  readonly parts: ReadonlyMap<string, string | null>;
}

export const RAW = 'raw_events';
const TABLES: readonly string[] = [RAW, ...ROLLUPS.map(({ name }) => name)];

/** Every month of which a table has rows, rising. Reads no rows, unless the tables are `Distributed` ones. */
export async function readMonths(store: StoreClient): Promise<Month[]> {
  const rows = await askRows({ store }, { sql: PARTS_SQL, params: { tables: TABLES } });
  const spread = await askRows({ store }, { sql: DISTRIBUTED_SQL, params: { tables: TABLES } });
  const months = new Map<string, Map<string, string | null>>();
  const note = (month: string, table: string, parts: string | null) => {
    months.set(month, (months.get(month) ?? new Map<string, string | null>()).set(table, parts));
  };
  for (const [month = '', table = '', parts = ''] of rows) note(month, table, parts);
  for (const [table = ''] of spread) {
    const sql = `SELECT DISTINCT _partition_id FROM ${table}`;
    for (const [month = ''] of await askRows({ store }, { sql })) note(month, table, null);
  }
  return [...months]
    .map(([name, parts]) => ({ name, parts }))
    .sort((a, b) => Number(a.name) - Number(b.name));
}

/** Start of each day of a month, epoch milliseconds; rising. */
export function daysOf({ name }: Pick<Month, 'name'>): number[] {
  const year = Number(name.slice(0, 4));
  const month = Number(name.slice(4)) - 1;
  const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Array.from({ length: days }, (_, index) => Date.UTC(year, month, index + 1));
}

/** All parts of a month as one text; `null` = not all of them are known. */
export function partsText({ parts }: Month): string | null {
  const texts = TABLES.map((table) => (parts.has(table) ? parts.get(table) : 'none'));
  return texts.some((text) => text === null) ? null : texts.join(' ');
}

const PARTS_SQL = [
  'SELECT partition_id, table, hex(sipHash128(arraySort(groupArray((name, hash_of_all_files)))))',
  'FROM system.parts',
  'WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}',
  'GROUP BY partition_id, table',
].join('\n');
const DISTRIBUTED_SQL = [
  "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'Distributed'",
  'AND name IN {tables:Array(String)}',
].join('\n');
