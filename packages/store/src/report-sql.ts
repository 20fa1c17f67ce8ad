import { MEASURES } from './report-measures.ts';
import type { ReportField } from './report-question.ts';
import type { Segment } from './report-sources.ts';
import { TAG_SETS_TABLE, tagsHash } from './tag-sets.ts';
import { USERS_TABLE } from './users-table.ts';

/** What a field is made from, over one row of the table, which the query calls `t`. */
const EXPRESSIONS: Readonly<Record<Exclude<ReportField, 'day' | 'hour' | 'tag'>, string>> = {
  user: 't.user_key',
  model: 't.model',
  provider: 't.provider',
  credential_type: "if(t.credential_type IN ('byok', 'subscription'), 'byok', 'system')",
  zero_data_retention: 'toString(t.zero_data_retention)',
  api_key_name: 't.api_key_id',
  plan: 't.rate_plan',
  project: 't.project',
  service_tier: 't.service_tier',
  operation: 't.operation',
  outcome: 'toString(t.outcome)',
  region: 't.region',
};

/** One part of a report: a segment and the conditions on its rows. */
export interface ReportPart {
  readonly segment: Segment;
  readonly conditions: readonly string[];
}

/**
 * Groups by time and the other fields over all parts; the caller adds the grouping's order and limit. One table that
 * has every field as it is is read directly. Otherwise each part is summed by itself and then all of them together,
 * tag sets by their hash until few rows are left, which then count for each of their tags.
 */
export function groupedSelection(
  parts: readonly ReportPart[],
  fields: readonly ReportField[],
): readonly string[] {
  const [first] = parts;
  const byHash = fields.includes('tag') && parts.some(({ segment }) => !segment.source.isRaw);
  if (first !== undefined && parts.length === 1 && !byHash) return partLines(first, fields, false);
  const keys = fields.map((field) => `by_${keyOf(field, byHash)}`).join(', ');
  const inner = parts.map((part) => [...partLines(part, fields, byHash), `GROUP BY ${keys}`].join('\n'));
  return [
    'SELECT',
    [
      ...fields.map((field) => `  ${overParts(field, byHash)} AS by_${field}`),
      ...MEASURES.map(({ column }) => `  sum(p.${column}) AS ${column}`),
    ].join(',\n'),
    'FROM (',
    inner.join('\nUNION ALL\n'),
    ') AS p',
    ...(byHash ? TAG_SETS_JOIN : []),
  ];
}

const TAG_SETS_JOIN: readonly string[] = [
  'LEFT ANY JOIN (',
  `SELECT tags_hash, tags FROM ${TAG_SETS_TABLE.name} WHERE org_id = {org_id:String}`,
  ') AS s ON s.tags_hash = p.by_tags_hash',
];

function keyOf(field: ReportField, byHash: boolean): string {
  return field === 'tag' && byHash ? 'tags_hash' : field;
}

function overParts(field: ReportField, byHash: boolean): string {
  return field === 'tag' && byHash ? 'arrayJoin(emptyArrayToSingle(s.tags))' : `p.by_${field}`;
}

function partLines(
  { segment, conditions }: ReportPart,
  fields: readonly ReportField[],
  byHash: boolean,
): readonly string[] {
  const { table, isRaw } = segment.source;
  return [
    'SELECT',
    [
      ...fields.map((field) => `  ${expressionOf(field, isRaw, byHash)} AS by_${keyOf(field, byHash)}`),
      ...MEASURES.map(({ column, fromRaw, fromRollup }) => `  ${isRaw ? fromRaw : fromRollup} AS ${column}`),
    ].join(',\n'),
    `FROM ${table} AS t`,
    `WHERE ${conditions.join('\n  AND ')}`,
  ];
}

function expressionOf(field: ReportField, isRaw: boolean, byHash: boolean): string {
  const time = isRaw ? 't.occurred_at' : 't.period_start';
  if (field === 'day') return `toDate(${time})`;
  if (field === 'hour') return `toStartOfHour(${time})`;
  if (field !== 'tag') return EXPRESSIONS[field];
  if (byHash) return isRaw ? tagsHash('t') : 't.tags_hash';
  return 'arrayJoin(emptyArrayToSingle(t.tags))';
}

/**
 * Names are joined to the few rows that are left, not to usage. A user whose name was erased stands as the key in
 * hex, so that such users stay apart from each other and from usage without a user.
 */
export function withUserNames(
  grouped: string,
  fields: readonly ReportField[],
  order: readonly string[],
): string {
  const columns = [
    ...fields.map((field) => (field === 'user' ? `  ${USER_NAME} AS user` : `  g.by_${field}`)),
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

const USER_NAME = "if(g.by_user = toFixedString('', 16), '', if(u.user = '', lower(hex(g.by_user)), u.user))";
