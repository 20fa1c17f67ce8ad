import { setTimeout as sleepFor } from 'node:timers/promises';
import { dayEnd } from './audit-days.ts';
import { type AuditMemory, createAuditMemory } from './audit-memory.ts';
import type { AuditStore } from './audit-query.ts';
import { compareOrgs, type DayRange, groupByOrgs, type OrgGroup, type RollupFault } from './compare-orgs.ts';
import { daysOf, type Month, partsText, readMonths } from './month-parts.ts';
import { readMonthSlices } from './month-slices.ts';

export interface AuditRollupsOptions extends AuditStore {
  /** Days on which this is `false` are left out; absent = all. */
  readonly isWanted?: (day: number) => boolean;
  readonly onProgress?: (line: string) => void;
  /** What is known of earlier audits, and noted for later ones. @default nothing: everything is looked at */
  readonly memory?: AuditMemory;
  /** Rows of raw that one query reads. @default 10,000,000 */
  readonly sliceRowsMax?: number;
  /** @default timers of Node */
  readonly sleep?: (waitMs: number) => Promise<unknown>;
}

/** Under load, raw and rollup are read one after another: only a difference that stands still is one. */
const LOOKS_MAX = 4;
const LOOK_PAUSE_MS = 500;

/**
 * Holds every rollup against raw: per day and org, every additive column. A month in which all days were right is not
 * looked at again until a part of raw or of a rollup in it is another one. Throws what the store's client throws.
 */
export async function auditRollups(options: AuditRollupsOptions): Promise<RollupFault[]> {
  const { store, memory = createAuditMemory() } = options;
  const faults: RollupFault[] = [];
  for (const month of await readMonths(store)) {
    const parts = partsText(month);
    if (parts !== null && memory.compared.get(month.name) === parts) continue;
    const days = daysOf(month);
    const wanted = days.filter((day) => options.isWanted?.(day) ?? true);
    const found = wanted.length === 0 ? [] : await auditMonth(options, month, rangeOf(wanted));
    const ofWanted = found.filter(({ day }) => wanted.includes(Date.parse(day)));
    faults.push(...ofWanted);
    const isAll = wanted.length === days.length;
    if (parts !== null && isAll && found.length === 0) memory.compared.set(month.name, parts);
  }
  return faults;
}

function rangeOf(days: readonly number[]): DayRange {
  return { start: Math.min(...days), end: dayEnd(Math.max(...days)) };
}

async function auditMonth(
  options: AuditRollupsOptions,
  month: Month,
  range: DayRange,
): Promise<RollupFault[]> {
  const groups = groupByOrgs(await readMonthSlices(options, month, options.sliceRowsMax));
  const faults: RollupFault[] = [];
  for (const [index, group] of groups.entries()) {
    options.onProgress?.(`rollups: ${month.name}, orgs ${index + 1} of ${groups.length}`);
    faults.push(...(await settledFaults(options, range, group)));
  }
  return faults;
}

async function settledFaults(
  options: AuditRollupsOptions,
  range: DayRange,
  group: OrgGroup,
): Promise<RollupFault[]> {
  const { sleep = sleepFor } = options;
  let faults = await compareOrgs(options, range, group);
  for (let look = 1; look < LOOKS_MAX && faults.length > 0; look += 1) {
    await sleep(LOOK_PAUSE_MS);
    const again = await compareOrgs(options, range, group);
    if (JSON.stringify(again) === JSON.stringify(faults)) return faults;
    faults = again;
  }
  return faults;
}
