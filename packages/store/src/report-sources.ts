import { RAW_TABLE } from './raw-events.ts';
import type { ReportField, ReportFilters, ReportQuestion } from './report-question.ts';
import type { Rollup } from './rollup.ts';
import { HEALTH_15M, TAGS_15M, USAGE_15M, USAGE_DAY, USER_DAY } from './rollups.ts';

/** A table that reports are read from. */
export interface ReportSource {
  readonly table: string;
  /** Length of its periods; 1 = it knows every instant. */
  readonly periodMs: number;
  readonly isRaw: boolean;
}

/** A part of a question's range and the table that answers for it. */
export interface Segment {
  readonly source: ReportSource;
  /** Epoch milliseconds, half-open. */
  readonly start: number;
  readonly end: number;
}

const MILLISECONDS_PER_SECOND = 1000;
const HOUR_MS = 3_600_000;
const RAW: ReportSource = { table: RAW_TABLE.name, periodMs: 1, isRaw: true };

/** Rollups from the one with the fewest rows in a range on: the first that can answer is the cheapest that can. */
const BY_ROWS: readonly Rollup[] = [USAGE_DAY, USAGE_15M, HEALTH_15M, USER_DAY, TAGS_15M];

/** Which column of a rollup a field is made from; times are made from any. */
const FIELD_COLUMNS: Readonly<Record<Exclude<ReportField, 'day' | 'hour'>, string>> = {
  user: 'user_key',
  model: 'model',
  tag: 'tags_hash',
  provider: 'provider',
  credential_type: 'credential_type',
  zero_data_retention: 'zero_data_retention',
  api_key_name: 'api_key_id',
  plan: 'rate_plan',
  project: 'project',
  service_tier: 'service_tier',
  operation: 'operation',
  outcome: 'outcome',
  region: 'region',
};

/** Which column of a rollup a filter compares. */
const FILTER_COLUMNS: Readonly<Record<Exclude<keyof ReportFilters, 'tagsMatch'>, string>> = {
  userId: 'user_key',
  model: 'model',
  provider: 'provider',
  credentialType: 'credential_type',
  zeroDataRetention: 'zero_data_retention',
  tags: 'tags_hash',
  apiKeyId: 'api_key_id',
  project: 'project',
  plan: 'rate_plan',
  serviceTier: 'service_tier',
  operation: 'operation',
  outcome: 'outcome',
  region: 'region',
};

/**
 * Cuts the range of a question into the fewest parts: whole periods of the cheapest table that can answer, and at
 * either edge the next finer one, down to raw. The parts tile the range in order; an empty range has none.
 */
export function planSegments(question: ReportQuestion, fields: readonly ReportField[]): readonly Segment[] {
  return cut(sourcesFor(question, fields), question.start, question.end);
}

/** Tables that can answer, the cheapest first; raw can answer anything and comes last. */
function sourcesFor({ filters }: ReportQuestion, fields: readonly ReportField[]): readonly ReportSource[] {
  // Raw is ordered by user: a user's rows are neighbours there, and nowhere else.
  if (filters.userId !== null) return [RAW];
  const needed = neededColumns(filters, fields);
  const grainMs = fields.includes('hour') ? HOUR_MS : Number.POSITIVE_INFINITY;
  return [
    ...BY_ROWS.map((rollup) => ({ rollup, source: sourceOf(rollup) }))
      .filter(({ rollup, source }) => source.periodMs <= grainMs && hasColumns(rollup, needed))
      .map(({ source }) => source),
    RAW,
  ];
}

function sourceOf({ name, periodSeconds }: Rollup): ReportSource {
  return { table: name, periodMs: periodSeconds * MILLISECONDS_PER_SECOND, isRaw: false };
}

function hasColumns({ dimensions }: Rollup, needed: readonly string[]): boolean {
  return needed.every((name) => dimensions.some(({ column }) => column.name === name));
}

function neededColumns(filters: ReportFilters, fields: readonly ReportField[]): string[] {
  const ofFields = fields.flatMap((field) =>
    field === 'day' || field === 'hour' ? [] : [FIELD_COLUMNS[field]],
  );
  const ofFilters = Object.entries(FILTER_COLUMNS)
    // The keys of the table are keys of the filters.
    .filter(([filter]) => isSet(filters[filter as keyof typeof FILTER_COLUMNS]))
    .map(([, column]) => column);
  return [...ofFields, ...ofFilters];
}

function isSet(value: ReportFilters[keyof ReportFilters]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== null && value !== undefined;
}

function cut(sources: readonly ReportSource[], start: number, end: number): readonly Segment[] {
  const [source, ...finer] = sources;
  if (source === undefined || start >= end) return [];
  const from = Math.ceil(start / source.periodMs) * source.periodMs;
  const to = Math.floor(end / source.periodMs) * source.periodMs;
  if (from >= to) return cut(finer, start, end);
  return [...cut(finer, start, from), { source, start: from, end: to }, ...cut(finer, to, end)];
}
