import { bucketColumn, TOKEN_BUCKETS, type UsageEvent } from '@meterstone/metering';
import { WrongSums } from '../bench.ts';
import type { ClickHouse } from './clickhouse.ts';

/** What was produced, added up while it was made. */
export interface ProducedSums {
  readonly events: number;
  /** By org. */
  readonly eventsByOrg: ReadonlyMap<string, number>;
  /** In the order of `TOKEN_BUCKETS`. */
  readonly tokens: readonly bigint[];
}

/** Adds up what is produced. */
export function createSums(): { add(event: UsageEvent): void; sums(): ProducedSums } {
  let events = 0;
  const eventsByOrg = new Map<string, number>();
  // A number adds exactly up to 2^53, and no run comes near that.
  const tokens = TOKEN_BUCKETS.map(() => 0);
  return {
    add(event) {
      events += 1;
      eventsByOrg.set(event.orgId, (eventsByOrg.get(event.orgId) ?? 0) + 1);
      for (const [index, bucket] of TOKEN_BUCKETS.entries()) {
        tokens[index] = (tokens[index] ?? 0) + event[bucket];
      }
    },
    sums: () => ({ events, eventsByOrg, tokens: tokens.map(BigInt) }),
  };
}

/**
 * Compares what is stored with what was produced: count, distinct identities, tokens by bucket, events by org; then
 * every rollup with what its own view makes of its source table as a whole. Rejects with WrongSums at the first
 * difference.
 */
export async function checkStored(
  clickhouse: ClickHouse,
  database: string,
  produced: ProducedSums,
): Promise<void> {
  await checkRaw(clickhouse, database, produced);
  for (const view of await readViews(clickhouse, database)) {
    if (view.sumColumns.length > 0) await checkRollup(clickhouse, view, produced);
  }
}

async function checkRaw(clickhouse: ClickHouse, database: string, produced: ProducedSums): Promise<void> {
  const sums = TOKEN_BUCKETS.map((bucket) => `sum(${bucketColumn(bucket)}) AS ${bucketColumn(bucket)}`);
  const [stored = {}] = await clickhouse.rows(
    `SELECT count() AS events, ${sums} FROM ${database}.raw_events`,
  );
  expectEqual('rows', stored['events'], String(produced.events));
  const identities = await countIdentities(clickhouse, database, produced.events);
  expectEqual('distinct identities', String(identities), String(produced.events));
  for (const [index, bucket] of TOKEN_BUCKETS.entries()) {
    const column = bucketColumn(bucket);
    expectEqual(`Σ ${column}`, stored[column], String(produced.tokens[index]));
  }
  const orgs = await clickhouse.rows(
    `SELECT org_id, count() AS events FROM ${database}.raw_events GROUP BY org_id`,
  );
  expectEqual('orgs', String(orgs.length), String(produced.eventsByOrg.size));
  for (const { org_id: orgId = '', events } of orgs) {
    expectEqual(`events of ${orgId}`, events, String(produced.eventsByOrg.get(orgId)));
  }
}

/** A set of them all would not fit into memory, so they are counted by shares of their hash. */
const IDENTITIES_AT_ONCE = 10_000_000;

async function countIdentities(clickhouse: ClickHouse, database: string, events: number): Promise<number> {
  const shares = Math.max(1, Math.ceil(events / IDENTITIES_AT_ONCE));
  let identities = 0;
  for (let share = 0; share < shares; share += 1) {
    const [row] = await clickhouse.rows(
      `SELECT uniqExact(event_id, line) AS identities FROM ${database}.raw_events
       WHERE cityHash64(event_id, line) % ${shares} = ${share}`,
    );
    identities += Number(row?.['identities']);
  }
  return identities;
}

interface View {
  /** What it selects from its source. */
  readonly select: string;
  /** `database.table` that it fills. */
  readonly target: string;
  readonly sumColumns: readonly string[];
}

/** From the server, so that a rollup that comes later is checked without a word here. */
async function readViews(clickhouse: ClickHouse, database: string): Promise<View[]> {
  const views = await clickhouse.rows(
    `SELECT as_select, extract(create_table_query, ' TO ([^ (]+)') AS target FROM system.tables
     WHERE database = '${database}' AND engine = 'MaterializedView'`,
  );
  if (views.length === 0) throw new WrongSums(`${database} has no materialized view`);
  return Promise.all(
    views.map(async ({ as_select: select = '', target = '' }) => {
      const table = target.replaceAll('`', '').split('.').at(-1);
      const columns = await clickhouse.rows(
        `SELECT name FROM system.columns WHERE database = '${database}' AND table = '${table}'
         AND startsWith(type, 'SimpleAggregateFunction(sum')`,
      );
      return { select, target, sumColumns: columns.map(({ name = '' }) => name) };
    }),
  );
}

async function checkRollup(
  clickhouse: ClickHouse,
  { select, target, sumColumns }: View,
  { eventsByOrg }: ProducedSums,
): Promise<void> {
  const sums = sumColumns.map((name) => `sum(${name}) AS ${name}`).join(', ');
  for (const orgs of orgsAtOnce(eventsByOrg)) {
    const where = `WHERE org_id IN (${orgs.map((org) => `'${org}'`).join(', ')})`;
    const [stored = {}] = await clickhouse.rows(`SELECT ${sums} FROM ${target} ${where}`);
    const [expected = {}] = await clickhouse.rows(`SELECT ${sums} FROM (${select}) ${where}`, SPILLING);
    for (const name of sumColumns) expectEqual(`Σ ${target}.${name}`, stored[name], expected[name]);
  }
}

/** The groups of a whole table are more than memory holds, and from the disk the sums of 8 M rows take ten minutes. */
const GROUPS_AT_ONCE = 1_500_000;
/** For an org that has more by itself. */
const SPILLING = { max_bytes_before_external_group_by: '3000000000' };

/** All orgs, some at a time: so many that their events are no more than that, or one. */
function orgsAtOnce(eventsByOrg: ReadonlyMap<string, number>): string[][] {
  const parts: string[][] = [];
  let room = 0;
  for (const [org, events] of eventsByOrg) {
    if (events > room) {
      parts.push([]);
      room = GROUPS_AT_ONCE;
    }
    parts.at(-1)?.push(org);
    room -= events;
  }
  return parts;
}

function expectEqual(what: string, stored: string | undefined, expected: string | undefined): void {
  if (stored !== expected) throw new WrongSums(`${what}: ${stored} stored, ${expected} expected`);
}
