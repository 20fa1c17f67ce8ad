import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { describeSums, sumsOf } from './additive-sums.ts';
import { RAW_ROWS_OF_RANGE, RAW_ROWS_OF_SCOPE } from './block-rows.ts';
import type { StoreClient } from './client.ts';
import { readRows, toCount } from './read.ts';
import type { Rollup } from './rollup.ts';
import { ROLLUPS, USAGE_15M } from './rollups.ts';
import { type Span, spansOf } from './verify-spans.ts';

/** What a block's rows touch: more cells of the rollups than they are in, never fewer. */
export interface BlockScope {
  readonly orgIds: readonly string[];
  /** Quarters of an hour in which its rows occurred: their starts, epoch milliseconds. */
  readonly quarters: readonly number[];
}

/** Where the rows of a block should be. */
export interface BlockPlace {
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly scope: BlockScope;
}

/** A rollup that does not say what raw says. */
export interface RollupDifference {
  readonly rollup: string;
  /** Column → Σ raw − Σ rollup over the block's scope, as a decimal; only those that are not 0. */
  readonly missing: Readonly<Record<string, string>>;
}

/** Rows of a range of offsets in raw, and how many offsets they have: more rows than offsets are doubles. */
export interface StoredRows {
  readonly rows: number;
  readonly offsets: number;
}

/**
 * Counts what raw holds of a range of offsets, among the rows that the block's scope can hold: without it the question
 * would read every row there is. Throws `StoreError`.
 */
export async function countStoredRows(client: StoreClient, place: BlockPlace): Promise<StoredRows> {
  const { orgIds, quarters } = place.scope;
  let rows = 0;
  let offsets = 0;
  for (const { start, end } of spansOf(quarters, QUARTER_MS)) {
    const answer = await readRows({
      client,
      sql: COUNT_SQL,
      params: {
        stream: place.stream,
        kafka_partition: place.kafkaPartition,
        from: String(place.firstOffset),
        to: String(place.nextOffset),
        org_ids: orgIds,
        start: clickHouseTime(start),
        end: clickHouseTime(end),
      },
      threadsMax: null,
    });
    rows += toCount(answer.rows[0]?.[0] ?? 0);
    offsets += toCount(answer.rows[0]?.[1] ?? 0);
  }
  return { rows, offsets };
}

/**
 * Compares every rollup of the list with raw, over a block's scope and for every additive column; no difference means
 * that nothing of the block is missing or doubled there. What is being inserted meanwhile shows as a difference.
 *
 * Raw is read once, for the block's own quarters of an hour. Whole days of it would be read for minutes of rows, so rollups
 * of days are held against the finest one instead, with what that lacks of raw added. Throws `StoreError`.
 */
export async function compareRollups(client: StoreClient, scope: BlockScope): Promise<RollupDifference[]> {
  const total = (source: SumSource, span: Span) =>
    readTotal(client, source, { ...span, orgIds: scope.orgIds });
  const missing = new Map<string, bigint[]>();
  for (const span of spansOf(scope.quarters, QUARTER_MS)) {
    const raw = await total(null, span);
    for (const rollup of FINE_ROLLUPS) add(missing, rollup, less(raw, await total(rollup, span)));
  }
  for (const rollup of COARSE_ROLLUPS) {
    add(missing, rollup, missing.get(FINEST.name) ?? []);
    for (const span of spansOf(scope.quarters, rollup.periodSeconds * MILLISECONDS_PER_SECOND)) {
      add(missing, rollup, less(await total(FINEST, span), await total(rollup, span)));
    }
  }
  return ROLLUPS.map(({ name }) => ({ rollup: name, missing: describeSums(missing.get(name) ?? []) })).filter(
    (difference) => Object.keys(difference.missing).length > 0,
  );
}

/** Every period of a rollup begins at a whole quarter of an hour. */
export const QUARTER_MS = 900_000;
const MILLISECONDS_PER_SECOND = 1000;

/** Whose sums; `null` = raw's. */
type SumSource = Rollup | null;

const FINE_ROLLUPS = ROLLUPS.filter(isFine);
const COARSE_ROLLUPS = ROLLUPS.filter((rollup) => !isFine(rollup));
/** The one of the fine rollups with the fewest rows that has every org's every row. */
const FINEST = USAGE_15M;

function isFine({ periodSeconds }: Rollup): boolean {
  return periodSeconds * MILLISECONDS_PER_SECOND === QUARTER_MS;
}

async function readTotal(
  client: StoreClient,
  source: SumSource,
  { start, end, orgIds }: Span & { readonly orgIds: readonly string[] },
): Promise<bigint[]> {
  const params = { org_ids: orgIds, start: clickHouseTime(start), end: clickHouseTime(end) };
  const sql = source === null ? RAW_TOTAL_SQL : rollupTotalSql(source);
  const { rows } = await readRows({ client, sql, params, threadsMax: null });
  return sumsOf(rows[0] ?? []);
}

const RAW_TOTAL_SQL = [
  'SELECT',
  ADDITIVE_COLUMNS.map(({ name, fromRaw }) => `  ${fromRaw('r')} AS ${name}`).join(',\n'),
  ...RAW_ROWS_OF_SCOPE,
].join('\n');

function rollupTotalSql({ name }: Rollup): string {
  return [
    'SELECT',
    ADDITIVE_COLUMNS.map((column) => `  sum(t.${column.name}) AS ${column.name}`).join(',\n'),
    `FROM ${name} AS t`,
    'WHERE t.org_id IN {org_ids:Array(String)}',
    "  AND t.period_start >= {start:DateTime64(3, 'UTC')} AND t.period_start < {end:DateTime64(3, 'UTC')}",
  ].join('\n');
}

function add(missing: Map<string, bigint[]>, { name }: Rollup, sums: readonly bigint[]): void {
  const before = missing.get(name) ?? [];
  missing.set(
    name,
    ADDITIVE_COLUMNS.map((_, column) => (before[column] ?? 0n) + (sums[column] ?? 0n)),
  );
}

function less(sums: readonly bigint[], others: readonly bigint[]): bigint[] {
  return sums.map((sum, column) => sum - (others[column] ?? 0n));
}

const COUNT_SQL = ['SELECT count(), uniqExact(r.kafka_offset)', ...RAW_ROWS_OF_RANGE].join('\n');

/** `2026-01-02 03:04:05.000`. */
export function clickHouseTime(instant: number): string {
  return new Date(instant).toISOString().replace('T', ' ').slice(0, -1);
}
