import { bucketColumn, parseAmount, TOKEN_BUCKETS } from '@meterstone/metering';
import type { StoreClient } from '@meterstone/store';
import type { Sums } from './truth.ts';

/** One row of raw, as far as it is compared. */
export interface StoredRow {
  readonly operationId: string;
  readonly line: number;
  readonly eventId: string;
  readonly orgId: string;
  readonly isOrphan: boolean;
  /** In the order of `TOKEN_BUCKETS`. */
  readonly tokens: readonly number[];
  /** In the order of `AMOUNTS`, picodollars; `null` = unpriced. */
  readonly amounts: readonly (bigint | null)[];
}

/** Kafka partition → offset. */
export type Offsets = ReadonlyMap<number, number>;

const TOKEN_COLUMNS = TOKEN_BUCKETS.map((bucket) => bucketColumn(bucket));
const AMOUNT_COLUMNS = ['market_cost', 'total_cost', 'surcharge_cost', 'charge'];
const EXACT = { output_format_json_quote_64bit_integers: 1, output_format_json_quote_decimals: 1 } as const;

/** The rows of raw from these offsets on. */
export async function readStoredRows(client: StoreClient, from: Offsets): Promise<StoredRow[]> {
  const ranges = [...from].map(
    ([kafkaPartition, offset]) => `(kafka_partition = ${kafkaPartition} AND kafka_offset >= ${offset})`,
  );
  const columns = [
    'operation_id',
    'line',
    'toString(event_id)',
    'org_id',
    "outcome = 'orphan'",
    ...TOKEN_COLUMNS,
    ...AMOUNT_COLUMNS,
  ];
  const rows = await readText(
    client,
    `SELECT ${columns.join(', ')} FROM raw_events WHERE ${ranges.length === 0 ? '1' : ranges.join(' OR ')}`,
  );
  return rows.map(([operationId, line, eventId, orgId, isOrphan, ...values]) => ({
    operationId: String(operationId),
    line: Number(line),
    eventId: String(eventId),
    orgId: String(orgId),
    isOrphan: Number(isOrphan) === 1,
    tokens: values.slice(0, TOKEN_COLUMNS.length).map(Number),
    amounts: values
      .slice(TOKEN_COLUMNS.length)
      .map((amount) => (amount === null ? null : parseAmount(String(amount)))),
  }));
}

/** Sums of raw per org, over all that is not an orphan. */
export async function readStoredSums(client: StoreClient): Promise<Sums> {
  const sums = [...TOKEN_COLUMNS, ...AMOUNT_COLUMNS].map((name) => `ifNull(sum(${name}), 0)`);
  const rows = await readText(
    client,
    `SELECT org_id, count(), ${sums.join(', ')} FROM raw_events WHERE outcome != 'orphan' GROUP BY org_id`,
  );
  return new Map(
    rows.map(([orgId, count, ...values]) => [
      String(orgId),
      [
        BigInt(String(count)),
        ...values.slice(0, TOKEN_COLUMNS.length).map((value) => BigInt(String(value))),
        ...values.slice(TOKEN_COLUMNS.length).map((value) => parseAmount(String(value))),
      ],
    ]),
  );
}

/** Rows beyond one for an identity, over all of raw: 0 = every (event_id, line) stands once. */
export async function countDoubles(client: StoreClient): Promise<number> {
  const [row] = await readText(client, 'SELECT count() - uniqExact(event_id, line) FROM raw_events');
  return Number(row?.[0]);
}

/** Runs a query; numbers that JSON cannot hold come as text. */
export async function readText(client: StoreClient, query: string): Promise<unknown[][]> {
  const answer = await client.query({ query, format: 'JSONCompact', clickhouse_settings: EXACT });
  const { data } = await answer.json<unknown[]>();
  return data;
}
