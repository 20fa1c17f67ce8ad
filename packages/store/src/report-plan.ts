import { RAW_TABLE } from './raw-events.ts';
import { filterConditions, type QueryParams } from './report-filters.ts';
import { MEASURES } from './report-measures.ts';
import type { ReportField, ReportQuestion } from './report-question.ts';
import { USAGE_15M } from './rollups.ts';
import { USERS_TABLE } from './users-table.ts';

/** A report's query: text and parameters, nothing of the question's own text in the text. */
export interface ReportPlan {
  readonly sql: string;
  readonly params: QueryParams;
  /** The table that answers. */
  readonly table: string;
  /** The first columns of the answer; after them come `MEASURES`. */
  readonly fields: readonly ReportField[];
}

const MILLISECONDS_PER_SECOND = 1000;

/** What a field is made from, over one row of the table, which the query calls `t`. */
const EXPRESSIONS: Readonly<Record<Exclude<ReportField, 'day' | 'hour'>, string>> = {
  user: 't.user_key',
  model: 't.model',
  tag: 'arrayJoin(emptyArrayToSingle(t.tags))',
  provider: 't.provider',
  credential_type: "if(t.credential_type IN ('byok', 'subscription'), 'byok', 'system')",
  zero_data_retention: 'toString(t.zero_data_retention)',
  api_key_name: 't.api_key_id',
  plan: 't.rate_plan',
  project: 't.project',
  service_tier: 't.service_tier',
};

/**
 * The query that answers a question. A question about users (by user, or of one), and one whose range does not start
 * and end at a whole period, goes to raw; every other to the rollup.
 *
 * A missing user, tag, project, plan or tier is the group of the empty text. By tag, a request counts once for each
 * of its tags, also when a filter on tags chose it: the filter chooses requests, so their other tags appear too.
 * Rows are ordered by time, then by falling total cost, then by the other fields, so that equal costs have an order.
 * The answer has one row more than asked for if there are more, and the totals of all rows beside it.
 */
export function planReport(question: ReportQuestion): ReportPlan {
  const raw = needsRaw(question);
  const fields = fieldsOf(question);
  const params: Record<string, QueryParams[string]> = {
    org_id: question.orgId,
    row_limit: question.limit + 1,
  };
  const conditions = ['t.org_id = {org_id:String}', ...rangeConditions(question, raw, params)];
  conditions.push(...filterConditions(question.filters, params));
  const timeColumn = raw ? 't.occurred_at' : 't.period_start';
  const table = raw ? RAW_TABLE.name : USAGE_15M.name;
  const order = ['day', 'hour'].includes(fields[0] ?? '') ? [`by_${fields[0]}`] : [];
  order.push(
    'total_cost DESC',
    ...fields.map((field) => `by_${field}`).filter((key) => !order.includes(key)),
  );
  const grouped = [
    'SELECT',
    [
      ...fields.map((field) => `  ${expressionOf(field, timeColumn)} AS by_${field}`),
      ...MEASURES.map(({ column, fromRaw, fromRollup }) => `  ${raw ? fromRaw : fromRollup} AS ${column}`),
    ].join(',\n'),
    `FROM ${table} AS t`,
    `WHERE ${conditions.join('\n  AND ')}`,
    `GROUP BY ${fields.map((field) => `by_${field}`).join(', ')} WITH TOTALS`,
    `ORDER BY ${order.join(', ')}`,
    'LIMIT {row_limit:UInt32}',
  ].join('\n');
  const sql = fields.includes('user') ? withUserNames(grouped, fields, order) : grouped;
  return { sql, params, table, fields };
}

function needsRaw({ start, end, groupBy, filters }: ReportQuestion): boolean {
  const periodMs = USAGE_15M.periodSeconds * MILLISECONDS_PER_SECOND;
  return (
    groupBy.includes('user') || filters.userId !== null || start % periodMs !== 0 || end % periodMs !== 0
  );
}

function fieldsOf({ groupBy, datePart }: ReportQuestion): ReportField[] {
  const others = [...new Set(groupBy)].filter((dimension) => dimension !== 'day');
  const splitsByTime = datePart !== null || others.length < groupBy.length || groupBy.length === 0;
  return splitsByTime ? [datePart ?? 'day', ...others] : others;
}

function expressionOf(field: ReportField, timeColumn: string): string {
  if (field === 'day') return `toDate(${timeColumn})`;
  if (field === 'hour') return `toStartOfHour(${timeColumn})`;
  return EXPRESSIONS[field];
}

function rangeConditions(
  { start, end }: ReportQuestion,
  raw: boolean,
  params: Record<string, QueryParams[string]>,
): string[] {
  params['start'] = clickHouseInstant(start, raw);
  params['end'] = clickHouseInstant(end, raw);
  const [column, type] = raw
    ? ['t.occurred_at', "DateTime64(3, 'UTC')"]
    : ['t.period_start', "DateTime('UTC')"];
  return [`${column} >= {start:${type}}`, `${column} < {end:${type}}`];
}

/** `2026-01-02 03:04:05`, with milliseconds for raw. */
function clickHouseInstant(instant: number, milliseconds: boolean): string {
  const text = new Date(instant).toISOString().replace('T', ' ');
  return text.slice(0, milliseconds ? -1 : -5);
}

/**
 * Names are joined to the few rows that are left, not to usage. A user whose name was erased stands as the key in
 * hex, so that such users stay apart from each other and from usage without a user.
 */
function withUserNames(grouped: string, fields: readonly ReportField[], order: readonly string[]): string {
  const columns = [
    ...fields.map((field) => (field === 'user' ? `  ${userName()} AS user` : `  g.by_${field}`)),
    ...MEASURES.map(({ column }) => `  g.${column}`),
  ];
  return [
    'SELECT',
    columns.join(',\n'),
    'FROM (',
    grouped,
    ') AS g',
    'LEFT ANY JOIN (',
    `SELECT user_key, user FROM ${USERS_TABLE.name} WHERE org_id = {org_id:String}`,
    ') AS u ON u.user_key = g.by_user',
    `ORDER BY ${order.map((key) => `g.${key}`).join(', ')}`,
  ].join('\n');
}

function userName(): string {
  return "if(g.by_user = toFixedString('', 16), '', if(u.user = '', lower(hex(g.by_user)), u.user))";
}
