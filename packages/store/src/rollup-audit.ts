import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { RAW_TABLE } from './raw-events.ts';
import type { QueryParams } from './report-filters.ts';
import type { Rollup } from './rollup.ts';

/** What is compared. */
export interface RollupAudit {
  /** Epoch milliseconds, UTC: the half-open range [start, end) of `occurred_at`, both at whole periods of the rollup. */
  readonly start: number;
  readonly end: number;
  /** `null` = every org. */
  readonly orgIds: readonly string[] | null;
  /** One row for everything, one for each org, or one for each whole key of the rollup. */
  readonly detail: 'total' | 'org' | 'cell';
}

/** An audit's query: text and parameters. */
export interface RollupAuditPlan {
  readonly sql: string;
  readonly params: QueryParams;
  /** The first columns of the answer; after them come `ADDITIVE_COLUMNS`. */
  readonly keys: readonly string[];
}

/**
 * The query for Σ raw − Σ rollup, for every additive column: it answers only where one of them is not 0, so no row
 * means that all is well. By cell, its columns are the rollup's own: the rows are what an insert into the rollup
 * would repair it with, at rest. Both sides are read one after another: under load, what was inserted in between
 * shows as a difference.
 * Throws `RangeError` for a range that cuts a period.
 */
export function planRollupAudit(rollup: Rollup, audit: RollupAudit): RollupAuditPlan {
  requireWholePeriods(rollup, audit);
  const keys = keysOf(rollup, audit.detail);
  const fromRaw = [
    ...rollup.dimensions
      .filter(({ column }) => keys.includes(column.name))
      .map(({ column, fromRaw }) => `  ${fromRaw('r')} AS ${column.name}`),
    ...ADDITIVE_COLUMNS.map((column) => `  ${column.fromRaw('r')} AS ${column.name}`),
  ];
  const fromRollup = [
    ...keys.map((name) => `  t.${name} AS ${name}`),
    ...ADDITIVE_COLUMNS.map(({ name }) => `  -sum(t.${name}) AS ${name}`),
  ];
  const differences = [
    ...keys.map((name) => `  d.${name} AS ${name}`),
    ...ADDITIVE_COLUMNS.map(({ name }) => `  sum(d.${name}) AS ${name}`),
  ];
  const grouped = keys.length === 0 ? [] : [`GROUP BY ${keys.join(', ')}`];
  const ofOrgs = (alias: string) =>
    audit.orgIds === null ? '' : `\n  AND ${alias}.org_id IN {org_ids:Array(String)}`;
  const sql = [
    'SELECT',
    differences.join(',\n'),
    'FROM (',
    'SELECT',
    fromRaw.join(',\n'),
    `FROM ${RAW_TABLE.name} AS r`,
    `WHERE r.occurred_at >= {start:DateTime64(3, 'UTC')}`,
    `  AND r.occurred_at < {end:DateTime64(3, 'UTC')}${ofOrgs('r')}`,
    ...grouped,
    'UNION ALL',
    'SELECT',
    fromRollup.join(',\n'),
    `FROM ${rollup.name} AS t`,
    `WHERE t.period_start >= {start:DateTime('UTC')}`,
    `  AND t.period_start < {end:DateTime('UTC')}${ofOrgs('t')}`,
    ...grouped,
    ') AS d',
    ...grouped,
    `HAVING ${ADDITIVE_COLUMNS.map(({ name }) => `${name} != 0`).join(' OR ')}`,
  ].join('\n');
  return { sql, params: paramsOf(audit), keys };
}

function keysOf({ dimensions }: Rollup, detail: RollupAudit['detail']): readonly string[] {
  if (detail === 'total') return [];
  return detail === 'org' ? ['org_id'] : dimensions.map(({ column }) => column.name);
}

function paramsOf({ start, end, orgIds }: RollupAudit): QueryParams {
  const range = { start: clickHouseSecond(start), end: clickHouseSecond(end) };
  return orgIds === null ? range : { ...range, org_ids: orgIds };
}

function requireWholePeriods({ name, periodSeconds }: Rollup, { start, end }: RollupAudit): void {
  const periodMs = periodSeconds * 1000;
  if (start % periodMs !== 0 || end % periodMs !== 0) {
    throw new RangeError(`an audit of ${name} begins and ends at whole periods of ${periodSeconds} s`);
  }
}

/** `2026-01-02 03:04:05`. */
function clickHouseSecond(instant: number): string {
  return new Date(instant).toISOString().replace('T', ' ').slice(0, -5);
}
