import { parseAmount } from '@meterstone/metering';
import type { StoreClient } from './client.ts';
import { readRows } from './read.ts';
import { USAGE_DAY } from './rollups.ts';

const SPEND_SQL = `SELECT sum(t.total_cost) AS total_cost
FROM ${USAGE_DAY.name} AS t
WHERE t.org_id = {org_id:String}`;

/** What an org has cost since it began, in picodollars, over all that has a known cost; 0 = nothing yet. */
export async function readSpend(client: StoreClient, orgId: string): Promise<bigint> {
  const { rows } = await readRows({ client, sql: SPEND_SQL, params: { org_id: orgId }, threadsMax: 1 });
  return parseAmount(String(rows[0]?.[0] ?? '0'));
}
