import { plain } from '../../packages/store/src/column.ts';
import { RAW_TABLE } from '../../packages/store/src/raw-events.ts';
import { periodStart, type Rollup, rollupTable, sameAsRaw } from '../../packages/store/src/rollup.ts';
import { ROLLUPS } from '../../packages/store/src/rollups.ts';
import {
  createRollupViewStatement,
  createTableStatement,
  createTagSetsViewStatement,
} from '../../packages/store/src/table-ddl.ts';
import { TAG_SETS_TABLE } from '../../packages/store/src/tag-sets.ts';

/** A set of tables to be measured, as statements on a database that has nothing yet. */
export interface Candidate {
  readonly name: string;
  readonly statements: readonly string[];
}

const [TAGS_15M, USAGE_15M, USAGE_DAY, USER_DAY, HEALTH_15M] = ROLLUPS as readonly [
  Rollup,
  Rollup,
  Rollup,
  Rollup,
  Rollup,
];
const RAW = createTableStatement(RAW_TABLE);
const TAG_SETS = [createTableStatement(TAG_SETS_TABLE), createTagSetsViewStatement()];
const CASCADE = [TAGS_15M, USAGE_15M, USAGE_DAY];
/** The thirteen buckets in a rollup's `CREATE TABLE`, in a view over raw and in a view over a rollup. */
const BUCKET_LINE = /^ +(sum\(s\.)?((input|cache|output|reasoning)\w*tokens)\b.*$/;
const MERGED: Readonly<Record<string, readonly string[]>> = {
  all_input_tokens: ['input_tokens', 'input_audio_tokens', 'input_image_tokens', 'input_video_tokens'],
  all_output_tokens: ['output_tokens', 'output_audio_tokens', 'output_image_tokens'],
  all_cache_read_tokens: ['cache_read_tokens', 'cache_read_audio_tokens'],
  all_cache_write_tokens: ['cache_write_tokens', 'cache_write_5m_tokens', 'cache_write_1h_tokens'],
};

/** The question: what each table of the chosen set adds, and what each other design would have cost. */
export const CANDIDATES: readonly Candidate[] = [
  { name: 'raw', statements: [RAW] },
  { name: 'raw, tags_15m', statements: [RAW, ...statementsOf([TAGS_15M])] },
  set('… tag_sets', [TAGS_15M]),
  set('… usage_15m, usage_day', CASCADE),
  set('… user_day', [...CASCADE, USER_DAY]),
  set('… health_15m: chosen', ROLLUPS),
  {
    name: 'tags in the key as texts',
    statements: [RAW, ...statementsOf(ROLLUPS.map(withTexts)).map(textsInKey)],
  },
  set('tags by the hour, usage from raw', [
    every(TAGS_15M, 3600),
    { ...USAGE_15M, source: RAW_TABLE.name },
    USAGE_DAY,
    USER_DAY,
    HEALTH_15M,
  ]),
  set('outcome, region, operation in tags and usage', [...CASCADE.map(withHealth), USER_DAY]),
  set('user_day with model and key', [...CASCADE, wide(USER_DAY), HEALTH_15M]),
  edited('merged tokens beside the buckets', withMerged),
  edited('merged tokens instead of the buckets', (statement) =>
    withoutBuckets(withMerged(statement), () => false),
  ),
  edited('no rare buckets', (statement) =>
    withoutBuckets(statement, (name) =>
      /^(input|output|cache_read|cache_write|reasoning)_tokens$/.test(name),
    ),
  ),
  edited('wide parts at once', (statement) =>
    statement.includes('SimpleAggregate')
      ? statement.replace(', min_level_for_wide_part = 1', '')
      : statement,
  ),
  edited('all tables: merges of 12 parts', fewerParts, fewerParts(RAW)),
  rawEdited('raw: names as plain texts', (raw) => raw.replaceAll('LowCardinality(String)', 'String')),
  rawEdited('raw: texts of all rollup keys as names', (raw) =>
    raw.replace(
      /^ {2}(provider|rate_plan|service_tier|operation|region) String/gm,
      '  $1 LowCardinality(String)',
    ),
  ),
];

function rawEdited(name: string, edit: (raw: string) => string): Candidate {
  return { name, statements: [edit(RAW), ...TAG_SETS, ...statementsOf(ROLLUPS)] };
}

function set(name: string, rollups: readonly Rollup[]): Candidate {
  return { name, statements: [RAW, ...TAG_SETS, ...statementsOf(rollups)] };
}

function fewerParts(statement: string): string {
  return statement.replace(/merge_selector_base = \d+/, 'merge_selector_base = 12');
}

function edited(name: string, edit: (statement: string) => string, raw = RAW): Candidate {
  return { name, statements: [raw, ...TAG_SETS, ...statementsOf(ROLLUPS).map(edit)] };
}

function statementsOf(rollups: readonly Rollup[]): string[] {
  return rollups.flatMap((rollup) => [
    createTableStatement(rollupTable(rollup)),
    createRollupViewStatement(rollup),
  ]);
}

function every(rollup: Rollup, periodSeconds: 3600): Rollup {
  const dimensions = rollup.dimensions.map((dimension) =>
    dimension.column.name === 'period_start' ? periodStart(periodSeconds) : dimension,
  );
  return { ...rollup, periodSeconds, dimensions };
}

function withTexts(rollup: Rollup): Rollup {
  const dimensions = rollup.dimensions.map((dimension) =>
    dimension.column.name === 'tags_hash' ? sameAsRaw(plain('tags', 'Array(String)')) : dimension,
  );
  return { ...rollup, dimensions };
}

function textsInKey(statement: string): string {
  return statement === RAW ? statement : statement.replace('Array(String)', 'Array(LowCardinality(String))');
}

function withHealth(rollup: Rollup): Rollup {
  const own = HEALTH_15M.dimensions.filter(({ column }) =>
    ['operation', 'outcome', 'region'].includes(column.name),
  );
  return { ...rollup, dimensions: [...rollup.dimensions, ...own] };
}

function wide(rollup: Rollup): Rollup {
  const usage = USAGE_15M.dimensions.filter(
    ({ column }) => !rollup.dimensions.some((own) => own.column.name === column.name),
  );
  return { ...rollup, dimensions: [...rollup.dimensions, ...usage] };
}

function withMerged(statement: string): string {
  const isView = statement.startsWith('CREATE MATERIALIZED');
  const fromRollup = isView && !statement.includes(`.${RAW_TABLE.name} AS s`);
  const lines = Object.entries(MERGED).map(([name, buckets]) => {
    if (!isView) return `  ${name} SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),`;
    if (fromRollup) return `  sum(s.${name}) AS ${name},`;
    return `  sum(${buckets.map((bucket) => `s.${bucket}`).join(' + ')}) AS ${name},`;
  });
  return statement.replace(/^( +.*\battempts\b.*)$/m, `${lines.join('\n')}\n$1`);
}

function withoutBuckets(statement: string, isKept: (name: string) => boolean): string {
  const lines = statement.split('\n').filter((line) => {
    const name = BUCKET_LINE.exec(line)?.[2];
    return name === undefined || line.includes('all_') || isKept(name);
  });
  return lines.join('\n');
}
