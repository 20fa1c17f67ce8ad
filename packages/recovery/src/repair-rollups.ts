import { ADDITIVE_COLUMNS, planRollupAudit, ROLLUPS, type Rollup, type StoreClient } from '@meterstone/store';
import { dayEnd } from './audit-days.ts';
import type { RollupFault } from './compare-orgs.ts';
import type { GroupOptions } from './group-state.ts';
import { requireRest } from './require-rest.ts';

export interface RepairRollupsOptions extends GroupOptions {
  readonly store: StoreClient;
  /** What an audit found: only orgs and days of which it says something are looked at. */
  readonly faults: readonly RollupFault[];
  readonly onProgress?: (line: string) => void;
}

/** Rows of differences that were added to one rollup for one day. */
export interface RollupRepair {
  readonly rollup: string;
  readonly day: string;
  readonly cells: number;
}

/** Orgs that one query names: a query's parameters travel in its address. */
const ORGS_MAX = 200;

/**
 * Adds to each rollup what it lacks of raw, cell by cell, as rows of differences: nothing is deleted or swapped, because
 * that would drop the tokens of what is there. A rollup that feeds another passes its differences on, so rollups are
 * repaired in the order of the list, each after its source, the ones that were right as well; whatever dies in between
 * is found by the next audit.
 *
 * Only at rest: RecoveryError `group_active` while aggregators run, `intent_pending` while a range may be half stored.
 */
export async function repairRollups(options: RepairRollupsOptions): Promise<RollupRepair[]> {
  const { store, faults, onProgress } = options;
  await requireRest(options);
  const days = [...Map.groupBy(faults, ({ day }) => day)].sort(([a], [b]) => (a < b ? -1 : 1));
  const repairs: RollupRepair[] = [];
  for (const [index, [day, ofDay]] of days.entries()) {
    onProgress?.(`repair: ${day}, day ${index + 1} of ${days.length}`);
    const orgIds = [...new Set(ofDay.map(({ orgId }) => orgId))];
    for (const rollup of ROLLUPS) {
      let cells = 0;
      for (let first = 0; first < orgIds.length; first += ORGS_MAX) {
        cells += await repairCells(store, rollup, { day, orgIds: orgIds.slice(first, first + ORGS_MAX) });
      }
      if (cells > 0) repairs.push({ rollup: rollup.name, day, cells });
    }
  }
  return repairs;
}

async function repairCells(
  store: StoreClient,
  rollup: Rollup,
  { day, orgIds }: { readonly day: string; readonly orgIds: readonly string[] },
): Promise<number> {
  const start = Date.parse(day);
  const plan = planRollupAudit(rollup, { start, end: dayEnd(start), orgIds, detail: 'cell' });
  const cells = await countRows(store, plan.sql, plan.params);
  if (cells === 0) return 0;
  const columns = [...plan.keys, ...ADDITIVE_COLUMNS.map(({ name }) => name)].join(', ');
  await store.command({
    query: `INSERT INTO ${rollup.name} (${columns})\n${plan.sql}`,
    query_params: { ...plan.params },
    // Without a token: a repair that is repeated computes what is still missing.
    clickhouse_settings: { async_insert: 0, insert_deduplicate: 0, deduplicate_insert: 'disable' },
  });
  return cells;
}

async function countRows(
  store: StoreClient,
  sql: string,
  params: Readonly<Record<string, unknown>>,
): Promise<number> {
  const answer = await store.query({
    query: `SELECT count() FROM (\n${sql}\n)`,
    query_params: { ...params },
    format: 'JSONCompact',
  });
  const { data } = await answer.json<[string]>();
  return Number(data[0]?.[0] ?? 0);
}
