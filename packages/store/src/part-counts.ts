import type { StoreClient } from './client.ts';
import { readRows, toCount } from './read.ts';

/**
 * Active parts of each table of the client's database, in the month that has most: a server refuses inserts where there
 * are too many (`parts_to_throw_insert`). Throws `StoreError`.
 */
export async function readPartCounts(client: StoreClient): Promise<Map<string, number>> {
  const { rows } = await readRows({ client, sql: PARTS_SQL, params: {}, threadsMax: 1 });
  return new Map(rows.map(([table, parts]): [string, number] => [String(table), toCount(parts)]));
}

const PARTS_SQL = [
  'SELECT table, max(parts) FROM (',
  '  SELECT table, partition_id, count() AS parts FROM system.parts',
  '  WHERE active AND database = currentDatabase() GROUP BY table, partition_id',
  ') GROUP BY table ORDER BY table',
].join('\n');
