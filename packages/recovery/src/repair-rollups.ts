import { ADDITIVE_COLUMNS, planRollupAudit, ROLLUPS, type StoreClient } from '@meterstone/store';
import { dayEnd, dayText, readAuditDays } from './audit-days.ts';
import type { GroupOptions } from './group-state.ts';
import { requireRest } from './require-rest.ts';

export interface RepairRollupsOptions extends GroupOptions {
  readonly store: StoreClient;
  /** Days on which this is `false` are left alone; absent = all. */
  readonly isWanted?: (day: number) => boolean;
  readonly onProgress?: (line: string) => void;
}

/** Rows of differences that were added to one rollup for one day. */
export interface RollupRepair {
  readonly rollup: string;
  readonly day: string;
  readonly cells: number;
}

/**
 * Adds to each rollup what it lacks of raw, cell by cell, as rows of differences: nothing is deleted or swapped, because
 * that would drop the tokens of what is there. A rollup that feeds another passes its differences on, so rollups are
 * repaired in the order of the list, each after its source; whatever dies in between is found by the next audit.
 *
 * Only at rest: RecoveryError `group_active` while aggregators run, `intent_pending` while a range may be half stored.
 */
export async function repairRollups(options: RepairRollupsOptions): Promise<RollupRepair[]> {
  const { store, isWanted, onProgress } = options;
  await requireRest(options);
  const days = (await readAuditDays(store)).filter((day) => isWanted?.(day) ?? true);
  const repairs: RollupRepair[] = [];
  for (const [index, day] of days.entries()) {
    onProgress?.(`repair: ${dayText(day)}, day ${index + 1} of ${days.length}`);
    for (const rollup of ROLLUPS) {
      const audit = { start: day, end: dayEnd(day), orgIds: null, detail: 'cell' } as const;
      const plan = planRollupAudit(rollup, audit);
      const cells = await countRows(store, plan.sql, plan.params);
      if (cells === 0) continue;
      const columns = [...plan.keys, ...ADDITIVE_COLUMNS.map(({ name }) => name)].join(', ');
      await store.command({
        query: `INSERT INTO ${rollup.name} (${columns})\n${plan.sql}`,
        query_params: { ...plan.params },
        // Without a token: a repair that is repeated computes what is still missing.
        clickhouse_settings: { async_insert: 0, insert_deduplicate: 0, deduplicate_insert: 'disable' },
      });
      repairs.push({ rollup: rollup.name, day: dayText(day), cells });
    }
  }
  return repairs;
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
