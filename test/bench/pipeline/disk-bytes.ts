import type { Result } from '../result-file.ts';
import type { ClickHouse } from '../stack/clickhouse.ts';

/** Kept apart in the figures, because it may be given a shorter life. */
const EVIDENCE = ['response_id', 'usage_raw', 'attributes'];
const COLUMNS_SHOWN = 12;

/** Bytes on disk per event after all merges: raw without evidence, evidence, the largest columns, every rollup. */
export async function measureDisk(
  clickhouse: ClickHouse,
  database: string,
  events: number,
): Promise<Result[]> {
  const tables = await clickhouse.rows(
    `SELECT name FROM system.tables WHERE database = '${database}'
     AND (engine = 'AggregatingMergeTree' OR name = 'raw_events')`,
  );
  for (const { name } of tables) await clickhouse.run(`OPTIMIZE TABLE ${database}.${name} FINAL`);
  const whole = await clickhouse.rows(
    `SELECT table, sum(bytes_on_disk) AS bytes, sum(rows) AS table_rows FROM system.parts
     WHERE active AND database = '${database}' GROUP BY table`,
  );
  const columns = await clickhouse.rows(
    `SELECT column, sum(column_bytes_on_disk) AS bytes FROM system.parts_columns
     WHERE active AND database = '${database}' AND table = 'raw_events' GROUP BY column ORDER BY bytes DESC`,
  );
  const bytesOf = (table: string) => Number(whole.find((row) => row['table'] === table)?.['bytes'] ?? 0);
  const evidence = columns
    .filter(({ column = '' }) => EVIDENCE.includes(column))
    .reduce((sum, { bytes }) => sum + Number(bytes), 0);
  const perEvent = (metric: string, bytes: number): Result => ({
    metric,
    value: bytes / events,
    unit: 'B/event',
  });
  return [
    perEvent('bytes_per_event', bytesOf('raw_events') - evidence),
    perEvent('evidence_bytes_per_event', evidence),
    ...columns
      .slice(0, COLUMNS_SHOWN)
      .map(({ column = '', bytes }) => perEvent(`column_${column}_bytes`, Number(bytes))),
    ...tables
      .map(({ name = '' }) => name)
      .filter((name) => name !== 'raw_events')
      .map((name) => perEvent(`rollup_${name}_bytes`, bytesOf(name))),
  ];
}
