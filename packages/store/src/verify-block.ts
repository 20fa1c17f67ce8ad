import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import type { StoreClient } from './client.ts';
import { RAW_TABLE } from './raw-events.ts';
import { readRows, toCount } from './read.ts';
import type { Rollup } from './rollup.ts';
import { planRollupAudit } from './rollup-audit.ts';
import { ROLLUPS } from './rollups.ts';
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
  /** Column → Σ raw − Σ rollup over the block's scope, as ClickHouse writes it; only those that are not 0. */
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
 * Throws `StoreError`.
 */
export async function compareRollups(client: StoreClient, scope: BlockScope): Promise<RollupDifference[]> {
  const differences: RollupDifference[] = [];
  for (const rollup of ROLLUPS) {
    for (const span of spansOf(scope.quarters, rollup.periodSeconds * MILLISECONDS_PER_SECOND)) {
      differences.push(...(await compareRollup(client, rollup, { ...span, orgIds: scope.orgIds })));
    }
  }
  return differences;
}

/** Every period of a rollup begins at a whole quarter of an hour. */
const QUARTER_MS = 900_000;
const MILLISECONDS_PER_SECOND = 1000;

const COUNT_SQL = [
  `SELECT count(), uniqExact(r.kafka_offset) FROM ${RAW_TABLE.name} AS r`,
  'WHERE r.org_id IN {org_ids:Array(String)}',
  "  AND r.occurred_at >= {start:DateTime64(3, 'UTC')} AND r.occurred_at < {end:DateTime64(3, 'UTC')}",
  '  AND r.stream = {stream:UInt32} AND r.kafka_partition = {kafka_partition:UInt32}',
  '  AND r.kafka_offset >= {from:UInt64} AND r.kafka_offset < {to:UInt64}',
].join('\n');

async function compareRollup(
  client: StoreClient,
  rollup: Rollup,
  { start, end, orgIds }: Span & { readonly orgIds: readonly string[] },
): Promise<RollupDifference[]> {
  const plan = planRollupAudit(rollup, { start, end, orgIds, detail: 'total' });
  const { rows } = await readRows({ client, sql: plan.sql, params: plan.params, threadsMax: null });
  return rows.map((values) => {
    const sums = values.slice(plan.keys.length).map(String);
    const missing = ADDITIVE_COLUMNS.map(({ name }, index) => [name, sums[index] ?? '']).filter(
      ([, sum]) => sum !== '0',
    );
    return { rollup: rollup.name, missing: Object.fromEntries(missing) };
  });
}

/** `2026-01-02 03:04:05.000`. */
export function clickHouseTime(instant: number): string {
  return new Date(instant).toISOString().replace('T', ' ').slice(0, -1);
}
