import type { ClickHouse } from '../stack/clickhouse.ts';

/** How the aggregator's inserts into raw went over a while. */
export interface InsertFacts {
  readonly inserts: number;
  /** Medians. */
  readonly rows: number;
  readonly ms: number;
}

/** From the ledger and from the server's own record of the queries; `from` is epoch milliseconds. */
export async function readInsertLog(
  clickhouse: ClickHouse,
  { database, from }: { readonly database: string; readonly from: number },
): Promise<InsertFacts> {
  await clickhouse.run('SYSTEM FLUSH LOGS');
  const [ranges] = await clickhouse.rows(
    `SELECT count() AS inserts, quantileExact(0.5)(stored) AS block_rows FROM ${database}.ingest_ranges
     WHERE stored_at >= fromUnixTimestamp64Milli(${from})`,
  );
  const [queries] = await clickhouse.rows(
    `SELECT quantileExact(0.5)(query_duration_ms) AS ms
     FROM system.query_log WHERE type = 'QueryFinish' AND query_kind = 'Insert'
     AND current_database = '${database}' AND has(tables, '${database}.raw_events')
     AND event_time_microseconds >= fromUnixTimestamp64Milli(${from})`,
  );
  return {
    inserts: Number(ranges?.['inserts']),
    rows: Number(ranges?.['block_rows']),
    ms: Number(queries?.['ms']),
  };
}
