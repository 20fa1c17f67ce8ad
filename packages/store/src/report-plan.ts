import { filterConditions, type QueryParams } from './report-filters.ts';
import type { ReportField, ReportQuestion } from './report-question.ts';
import { planSegments, type Segment } from './report-sources.ts';
import { groupedSelection, withUserNames } from './report-sql.ts';

/** A report's query: text and parameters, nothing of the question's own text in the text. */
export interface ReportPlan {
  readonly sql: string;
  readonly params: QueryParams;
  /** The tables that answer, each for a part of the range, in order. */
  readonly tables: readonly string[];
  /** The first columns of the answer; after them come `MEASURES`. */
  readonly fields: readonly ReportField[];
}

type Params = Record<string, QueryParams[string]>;

/**
 * The query that answers a question, from the cheapest tables that can (`planSegments`).
 *
 * A missing user, tag, project, plan, tier or region is the group of the empty text. By tag, a request counts once
 * for each of its tags, also when a filter on tags chose it: the filter chooses requests, so their other tags appear
 * too. Rows are ordered by time, then by falling total cost, then by the other fields, so that equal costs have an
 * order. The answer has one row more than asked for if there are more, and the totals of all rows beside it.
 * Throws `RangeError` for an empty range.
 */
export function planReport(question: ReportQuestion): ReportPlan {
  if (question.start >= question.end) throw new RangeError('the range of a report is empty');
  const fields = fieldsOf(question);
  const segments = planSegments(question, fields);
  const params: Params = { org_id: question.orgId, row_limit: question.limit + 1 };
  const parts = segments.map((segment, i) => ({
    segment,
    conditions: [
      't.org_id = {org_id:String}',
      ...rangeConditions(segment, [cutName(segments, i), cutName(segments, i + 1)], params),
      ...filterConditions(question.filters, segment.source, params),
    ],
  }));
  const order = orderOf(fields);
  const grouped = [
    ...groupedSelection(parts, fields),
    `GROUP BY ${fields.map((field) => `by_${field}`).join(', ')} WITH TOTALS`,
    `ORDER BY ${order.join(', ')}`,
    'LIMIT {row_limit:UInt32}',
  ].join('\n');
  const sql = fields.includes('user') ? withUserNames(grouped, fields, order) : grouped;
  return { sql, params, tables: segments.map(({ source }) => source.table), fields };
}

function fieldsOf({ groupBy, datePart }: ReportQuestion): ReportField[] {
  const others = [...new Set(groupBy)].filter((dimension) => dimension !== 'day');
  const splitsByTime = datePart !== null || others.length < groupBy.length || groupBy.length === 0;
  return splitsByTime ? [datePart ?? 'day', ...others] : others;
}

function orderOf(fields: readonly ReportField[]): readonly string[] {
  const time = ['day', 'hour'].includes(fields[0] ?? '') ? [`by_${fields[0]}`] : [];
  const others = fields.map((field) => `by_${field}`).filter((key) => !time.includes(key));
  return [...time, 'total_cost DESC', ...others];
}

/** Segments tile the range: where one ends, the next one starts. */
function cutName(segments: readonly Segment[], at: number): string {
  if (at === 0) return 'start';
  return at === segments.length ? 'end' : `cut_${at}`;
}

function rangeConditions({ source, start, end }: Segment, names: [string, string], params: Params): string[] {
  const [from, to] = names;
  params[from] = clickHouseInstant(start);
  params[to] = clickHouseInstant(end);
  const [column, type] = source.isRaw
    ? ['t.occurred_at', "DateTime64(3, 'UTC')"]
    : ['t.period_start', "DateTime('UTC')"];
  return [`${column} >= {${from}:${type}}`, `${column} < {${to}:${type}}`];
}

/** `2026-01-02 03:04:05`, with milliseconds where there are some: only raw is cut there. */
function clickHouseInstant(instant: number): string {
  const text = new Date(instant).toISOString().replace('T', ' ').slice(0, -1);
  return text.endsWith('.000') ? text.slice(0, -4) : text;
}
