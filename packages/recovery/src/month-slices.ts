import { type AuditStore, askRows } from './audit-query.ts';
import { type Month, RAW } from './month-parts.ts';

/**
 * A stretch of raw's sorting key in one month, `[from, to)`; `null` = open at that end. Slices of a month tile it, and a
 * row stands in one of them whatever is merged meanwhile.
 */
export interface MonthSlice {
  readonly month: string;
  readonly from: RawKey | null;
  readonly to: RawKey | null;
}

/** A value of raw's sorting key. */
interface RawKey {
  readonly orgId: string;
  /** In hex. */
  readonly userKey: string;
  /** Epoch milliseconds. */
  readonly occurredAt: string;
}

/** Rows of raw that one query of an audit reads, but for up to a granule more of each part at either end. */
const SLICE_ROWS_MAX = 10_000_000;

/**
 * Cuts a month by the index that ClickHouse holds in memory: no row is read for it. What is inserted meanwhile makes
 * slices larger, not wrong. A month behind a `Distributed` table is one slice.
 */
export async function readMonthSlices(
  ask: AuditStore,
  { name, parts }: Month,
  rowsMax: number = SLICE_ROWS_MAX,
): Promise<MonthSlice[]> {
  const known = parts.get(RAW) ?? null;
  const params = { month: `${name}_`, rows_max: String(rowsMax) };
  const cuts = known === null ? [] : await askRows(ask, { sql: CUTS_SQL, params });
  const keys = cuts
    .filter(([slice]) => slice !== '0')
    .map(([, orgId = '', userKey = '', occurredAt = '']) => ({ orgId, userKey, occurredAt }));
  return [null, ...keys].map((from, index) => ({ month: name, from, to: keys[index] ?? null }));
}

/** The condition on raw rows, which the query calls `r`, and its parameters. */
export function sliceCondition({ month, from, to }: MonthSlice): {
  readonly sql: string;
  readonly params: Record<string, string>;
} {
  const conditions = ['toYYYYMM(r.occurred_at) = {month:UInt32}'];
  if (from !== null) conditions.push(atOrBeyond('from', '>='));
  if (to !== null) conditions.push(atOrBeyond('to', '<'));
  return {
    sql: conditions.join('\n  AND '),
    params: { month, ...keyParams('from', from), ...keyParams('to', to) },
  };
}

/** Written out, since ClickHouse finds no range of its index in a comparison of tuples (26.7). */
function atOrBeyond(name: 'from' | 'to', comparison: '>=' | '<'): string {
  const strictly = comparison.slice(0, 1);
  const org = `{${name}_org:String}`;
  const user = `CAST(unhex({${name}_user:String}) AS FixedString(16))`;
  const time = `fromUnixTimestamp64Milli({${name}_time:Int64}, 'UTC')`;
  return [
    `(r.org_id ${strictly} ${org} OR r.org_id = ${org} AND (`,
    `r.user_key ${strictly} ${user} OR r.user_key = ${user} AND r.occurred_at ${comparison} ${time}))`,
  ].join('');
}

function keyParams(name: 'from' | 'to', key: RawKey | null): Record<string, string> {
  if (key === null) return {};
  return {
    [`${name}_org`]: key.orgId,
    [`${name}_user`]: key.userKey,
    [`${name}_time`]: key.occurredAt,
  };
}

/** The first key of each slice: a mark begins the next one where the rows before it are enough. */
const CUTS_SQL = [
  'SELECT slice, org_id, hex(user_key), toUnixTimestamp64Milli(occurred_at)',
  'FROM (',
  '  SELECT org_id, user_key, occurred_at, intDiv(sum(rows_in_granule) OVER (',
  '    ORDER BY org_id, user_key, occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
  '  ) - rows_in_granule, {rows_max:UInt64}) AS slice',
  `  FROM mergeTreeIndex(currentDatabase(), '${RAW}')`,
  '  WHERE startsWith(part_name, {month:String}) AND rows_in_granule > 0',
  ')',
  'ORDER BY org_id, user_key, occurred_at',
  'LIMIT 1 BY slice',
].join('\n');
