import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { sumsOf } from './additive-sums.ts';
import { RAW_ROWS_OF_RANGE } from './block-rows.ts';
import type { StoreClient } from './client.ts';
import { insertBlock } from './insert.ts';
import { INSERT_DEADLINE_MS } from './insert-raw-block.ts';
import { LEDGER_TABLE } from './ledger-table.ts';
import { RAW_TABLE } from './raw-events.ts';
import { readBytes, readRows } from './read.ts';
import { type Rollup, rollupTable } from './rollup.ts';
import { planRollupAudit } from './rollup-audit.ts';
import { TAG_SETS_SELECTION, TAG_SETS_TABLE } from './tag-sets.ts';
import { type BlockPlace, clickHouseTime, QUARTER_MS } from './verify-block.ts';
import { type Span, spansOf } from './verify-spans.ts';

/** What the rows of one Kafka partition that the ledger does not have yet come to: the block in flight there. */
export interface BlockShare {
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly sums: readonly bigint[];
}

/**
 * A rollup beside raw, over the orgs and periods that a block touches. Sums of all additive columns, one period of time
 * behind the other, in the smallest unit of each.
 */
export interface RollupBalance {
  /** Σ raw − Σ rollup. */
  readonly difference: readonly bigint[];
  readonly shares: readonly BlockShare[];
}

/** Throws `StoreError`. What is inserted meanwhile shows as a difference that no shares come to. */
export async function readRollupBalance(
  client: StoreClient,
  rollup: Rollup,
  { scope }: BlockPlace,
): Promise<RollupBalance> {
  const spans = spansOf(scope.quarters, rollup.periodSeconds * MILLISECONDS_PER_SECOND);
  const difference: bigint[] = [];
  const shares = new Map<string, { stream: number; kafkaPartition: number; sums: bigint[] }>();
  for (const [index, span] of spans.entries()) {
    const audit = planRollupAudit(rollup, { ...span, orgIds: scope.orgIds, detail: 'total' });
    const { rows } = await readRows({ client, sql: audit.sql, params: audit.params, threadsMax: null });
    difference.push(...sumsOf(rows[0] ?? []));
    for (const [stream, kafkaPartition, ...sums] of await readShares(client, span, scope.orgIds)) {
      const name = `${stream}/${kafkaPartition}`;
      const share = shares.get(name) ?? {
        stream: Number(stream),
        kafkaPartition: Number(kafkaPartition),
        sums: new Array<bigint>(spans.length * ADDITIVE_COLUMNS.length).fill(0n),
      };
      share.sums.splice(index * ADDITIVE_COLUMNS.length, ADDITIVE_COLUMNS.length, ...sumsOf(sums));
      shares.set(name, share);
    }
  }
  return { difference, shares: [...shares.values()] };
}

export interface BlockAddition {
  readonly client: StoreClient;
  readonly rollup: Rollup;
  readonly place: BlockPlace;
  /** 1 adds what the view would have made of the block, −1 takes it away. */
  readonly times: 1 | -1;
  /** The same token again changes nothing. */
  readonly token: string;
}

/**
 * Adds a block of raw to one rollup, and by its views to those behind it. Throws `StoreError`.
 */
export async function addToRollup({ client, rollup, place, times, token }: BlockAddition): Promise<void> {
  const { columns } = rollupTable(rollup);
  const keys = rollup.dimensions.map(
    ({ column, fromRaw }) => `CAST(${fromRaw('r')}, '${quoted(column.type)}') AS ${column.name}`,
  );
  const sums = ADDITIVE_COLUMNS.map(
    ({ name, type, fromRaw }) => `CAST(${times === 1 ? '' : '-'}${fromRaw('r')}, '${type}') AS ${name}`,
  );
  const names = rollup.dimensions.map(({ column }) => column.name);
  const bytes = await readBytes({
    client,
    sql: [
      'SELECT',
      [...keys, ...sums].map((line) => `  ${line}`).join(',\n'),
      ...RAW_ROWS_OF_RANGE,
      `GROUP BY ${names.join(', ')}`,
      `ORDER BY ${names.join(', ')}`,
      'FORMAT RowBinary',
    ].join('\n'),
    params: paramsOf(place),
    threadsMax: null,
  });
  await insertBlock({ client, table: rollup.name, columns, bytes, token, deadlineMs: INSERT_DEADLINE_MS });
}

/** Notes the tag sets of a block once more; one that is there stays one. Throws `StoreError`. */
export async function noteTagSets(client: StoreClient, place: BlockPlace): Promise<void> {
  const { columns, orderBy, name } = TAG_SETS_TABLE;
  const bytes = await readBytes({
    client,
    sql: [
      'SELECT',
      TAG_SETS_SELECTION.map((line) => `  ${line.replace(/\bs\./g, 'r.')}`).join(',\n'),
      ...RAW_ROWS_OF_RANGE,
      `GROUP BY ${orderBy.join(', ')}`,
      'FORMAT RowBinary',
    ].join('\n'),
    params: paramsOf(place),
    threadsMax: null,
  });
  await insertBlock({ client, table: name, columns, bytes, token: null, deadlineMs: INSERT_DEADLINE_MS });
}

const MILLISECONDS_PER_SECOND = 1000;

function paramsOf({ stream, kafkaPartition, firstOffset, nextOffset, scope }: BlockPlace) {
  return {
    stream,
    kafka_partition: kafkaPartition,
    from: String(firstOffset),
    to: String(nextOffset),
    org_ids: scope.orgIds,
    start: clickHouseTime(Math.min(...scope.quarters)),
    end: clickHouseTime(Math.max(...scope.quarters) + QUARTER_MS),
  };
}

async function readShares(
  client: StoreClient,
  { start, end }: Span,
  orgIds: readonly string[],
): Promise<readonly (readonly unknown[])[]> {
  const params = { org_ids: orgIds, start: clickHouseTime(start), end: clickHouseTime(end) };
  return (await readRows({ client, sql: SHARES_SQL, params, threadsMax: null })).rows;
}

const SHARES_SQL = [
  'SELECT r.stream AS stream, r.kafka_partition AS kafka_partition,',
  ADDITIVE_COLUMNS.map(({ name, fromRaw }) => `  ${fromRaw('r')} AS ${name}`).join(',\n'),
  `FROM ${RAW_TABLE.name} AS r`,
  'LEFT JOIN (',
  '  SELECT e.stream AS stream, e.kafka_partition AS kafka_partition, max(e.next_offset) AS stored_to',
  `  FROM ${LEDGER_TABLE.name} AS e GROUP BY stream, kafka_partition`,
  ') AS l ON l.stream = r.stream AND l.kafka_partition = r.kafka_partition',
  'WHERE r.org_id IN {org_ids:Array(String)}',
  "  AND r.occurred_at >= {start:DateTime64(3, 'UTC')} AND r.occurred_at < {end:DateTime64(3, 'UTC')}",
  // Of a Kafka partition without a ledger it is 0.
  '  AND r.kafka_offset >= l.stored_to',
  'GROUP BY stream, kafka_partition',
].join('\n');

/** A type inside a text. */
function quoted(type: string): string {
  return type.replaceAll("'", "\\'");
}
