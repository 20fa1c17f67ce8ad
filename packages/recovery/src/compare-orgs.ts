import { formatAmount, parseAmount } from '@meterstone/metering';
import { ADDITIVE_COLUMNS, ROLLUPS } from '@meterstone/store';
import { dayText } from './audit-days.ts';
import { type AuditStore, askRows } from './audit-query.ts';
import { RAW } from './month-parts.ts';
import { type MonthSlice, sliceCondition } from './month-slices.ts';

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

/** Orgs whose rows of a month lie side by side in raw, with the slices that hold all of them. */
export interface OrgGroup {
  /** Half-open range of org ids; `null` = open at that end. */
  readonly fromOrg: string | null;
  readonly toOrg: string | null;
  readonly slices: readonly MonthSlice[];
}

/** Half-open range of whole days of UTC in one month, epoch milliseconds. */
export interface DayRange {
  readonly start: number;
  readonly end: number;
}

/** Groups as small as the slices of a month allow: they end where an org does. */
export function groupByOrgs(slices: readonly MonthSlice[]): OrgGroup[] {
  const groups: OrgGroup[] = [];
  let fromOrg: string | null = null;
  let open: MonthSlice[] = [];
  for (const slice of slices) {
    open.push(slice);
    const toOrg: string | null = slice.to?.orgId ?? null;
    if (toOrg !== null && toOrg === (slice.from?.orgId ?? '')) continue;
    groups.push({ fromOrg, toOrg, slices: open });
    fromOrg = toOrg;
    // The org that it ends within begins in it.
    open = toOrg === null ? [] : [slice];
  }
  return groups;
}

/**
 * Holds every rollup against raw, for some orgs, by day and additive column. Raw is read once for all rollups, a slice
 * at a time; a rollup, which has fewer rows, in one piece. What is stored between two of its looks shows as a difference.
 */
export async function compareOrgs(
  ask: AuditStore,
  { start, end }: DayRange,
  group: OrgGroup,
): Promise<RollupFault[]> {
  const orgs = orgCondition(group);
  const params = { start: String(start / 1_000), end: String(end / 1_000), ...orgs.params };
  const raw: Sums = new Map();
  for (const slice of group.slices) {
    const condition = sliceCondition(slice);
    const sql = `${RAW_SQL}\n  AND ${condition.sql}${orgs.sql('r')}\nGROUP BY 1, 2`;
    addRows(raw, await askRows(ask, { sql, params: { ...params, ...condition.params } }));
  }
  const faults: RollupFault[] = [];
  for (const { name } of ROLLUPS) {
    const sums: Sums = new Map();
    const sql = `${rollupSql(name)}${orgs.sql('t')}\nGROUP BY 1, 2`;
    addRows(sums, await askRows(ask, { sql, params }));
    faults.push(...differences(name, raw, sums));
  }
  return faults;
}

/** Day and org → the additive columns, all scaled as amounts are. */
type Sums = Map<string, bigint[]>;

function addRows(sums: Sums, rows: readonly (readonly string[])[]): void {
  for (const [day = '', orgId = '', ...texts] of rows) {
    const key = `${day} ${orgId}`;
    const before = sums.get(key);
    sums.set(
      key,
      texts.map((text, index) => parseAmount(text) + (before?.[index] ?? 0n)),
    );
  }
}

function differences(rollup: string, raw: Sums, sums: Sums): RollupFault[] {
  const keys = [...new Set([...raw.keys(), ...sums.keys()])].sort();
  return keys.flatMap((key) => {
    const split = key.indexOf(' ');
    const day = dayText(Number(key.slice(0, split)) * 1_000);
    return ADDITIVE_COLUMNS.flatMap(({ name }, index) => {
      const missing = (raw.get(key)?.[index] ?? 0n) - (sums.get(key)?.[index] ?? 0n);
      if (missing === 0n) return [];
      return [{ rollup, day, orgId: key.slice(split + 1), column: name, missing: formatAmount(missing) }];
    });
  });
}

function orgCondition({ fromOrg, toOrg }: OrgGroup) {
  const from = fromOrg === null ? {} : { first_org: fromOrg };
  const to = toOrg === null ? {} : { next_org: toOrg };
  const sql = (alias: string) =>
    [
      fromOrg === null ? '' : `\n  AND ${alias}.org_id >= {first_org:String}`,
      toOrg === null ? '' : `\n  AND ${alias}.org_id < {next_org:String}`,
    ].join('');
  return { sql, params: { ...from, ...to } };
}

const RAW_SQL = [
  'SELECT toUnixTimestamp(toStartOfDay(r.occurred_at)), r.org_id,',
  ADDITIVE_COLUMNS.map(({ fromRaw }) => `  ${fromRaw('r')}`).join(',\n'),
  `FROM ${RAW} AS r`,
  "WHERE r.occurred_at >= toDateTime64({start:Int64}, 3, 'UTC') AND r.occurred_at < toDateTime64({end:Int64}, 3, 'UTC')",
].join('\n');

function rollupSql(name: string): string {
  return [
    'SELECT toUnixTimestamp(toStartOfDay(t.period_start)), t.org_id,',
    ADDITIVE_COLUMNS.map((column) => `  sum(t.${column.name})`).join(',\n'),
    `FROM ${name} AS t`,
    "WHERE t.period_start >= toDateTime({start:Int64}, 'UTC') AND t.period_start < toDateTime({end:Int64}, 'UTC')",
  ].join('\n');
}
