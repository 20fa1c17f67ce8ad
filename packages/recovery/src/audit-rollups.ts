import { setTimeout as sleepFor } from 'node:timers/promises';
import { ADDITIVE_COLUMNS, planRollupAudit, ROLLUPS, type Rollup, type StoreClient } from '@meterstone/store';
import { dayEnd, dayText, readAuditDays } from './audit-days.ts';

/** A sum of a rollup that is not raw's. */
export interface RollupFault {
  readonly rollup: string;
  /** `2026-01-31`, UTC. */
  readonly day: string;
  readonly orgId: string;
  /** The additive column. */
  readonly column: string;
  /** Σ raw − Σ rollup, exact: what the rollup lacks. */
  readonly missing: string;
}

export interface AuditRollupsOptions {
  readonly store: StoreClient;
  /** Days on which this is `false` are left out; absent = all. */
  readonly isWanted?: (day: number) => boolean;
  readonly onProgress?: (line: string) => void;
  /** Threads of ClickHouse for one look. @default what the user's profile allows */
  readonly threadsMax?: number;
  /** @default timers of Node */
  readonly sleep?: (waitMs: number) => Promise<unknown>;
}

/** Under load, raw and rollup are read one after another: only a difference that stands still is one. */
const LOOKS_MAX = 4;
const LOOK_PAUSE_MS = 500;

/** Holds every rollup against raw, day by day: per org, every additive column. Throws what the store's client throws. */
export async function auditRollups(options: AuditRollupsOptions): Promise<RollupFault[]> {
  const { store, isWanted, onProgress } = options;
  const days = (await readAuditDays(store)).filter((day) => isWanted?.(day) ?? true);
  const faults: RollupFault[] = [];
  for (const [index, day] of days.entries()) {
    onProgress?.(`rollups: ${dayText(day)}, day ${index + 1} of ${days.length}`);
    for (const rollup of ROLLUPS) faults.push(...(await settledFaults(rollup, day, options)));
  }
  return faults;
}

async function settledFaults(
  rollup: Rollup,
  day: number,
  options: AuditRollupsOptions,
): Promise<RollupFault[]> {
  const { sleep = sleepFor } = options;
  let faults = await readFaults(rollup, day, options);
  for (let look = 1; look < LOOKS_MAX && faults.length > 0; look += 1) {
    await sleep(LOOK_PAUSE_MS);
    const again = await readFaults(rollup, day, options);
    if (JSON.stringify(again) === JSON.stringify(faults)) return faults;
    faults = again;
  }
  return faults;
}

async function readFaults(
  rollup: Rollup,
  day: number,
  { store, threadsMax }: AuditRollupsOptions,
): Promise<RollupFault[]> {
  const plan = planRollupAudit(rollup, { start: day, end: dayEnd(day), orgIds: null, detail: 'org' });
  const answer = await store.query({
    query: `${plan.sql}\nORDER BY org_id`,
    query_params: { ...plan.params },
    format: 'JSONCompact',
    clickhouse_settings: threadsMax === undefined ? EXACT : { ...EXACT, max_threads: threadsMax },
  });
  const { data } = await answer.json<unknown[]>();
  return data.flatMap(([orgId, ...sums]) =>
    ADDITIVE_COLUMNS.flatMap(({ name }, index) => {
      const missing = String(sums[index]);
      return missing === '0'
        ? []
        : [{ rollup: rollup.name, day: dayText(day), orgId: String(orgId), column: name, missing }];
    }),
  );
}

/** Sums travel as text: JSON's numbers cannot hold them. */
const EXACT = { output_format_json_quote_64bit_integers: 1, output_format_json_quote_decimals: 1 } as const;
