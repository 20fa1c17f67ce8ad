import { buffer } from 'node:stream/consumers';
import type { ClickHouseSettings } from '@clickhouse/client';
import type { StoreClient } from './client.ts';
import { StoreError } from './errors.ts';
import type { QueryParams } from './report-filters.ts';
import { toStoreError } from './server-error.ts';

/** One query and what it may cost. */
export interface Query {
  readonly client: StoreClient;
  readonly sql: string;
  readonly params: QueryParams;
  /** `null` = what the user's profile allows. */
  readonly threadsMax: number | null;
}

/** Rows as lists of values, and the row of totals; `null` = the query has none. */
export interface QueryAnswer {
  readonly rows: readonly (readonly unknown[])[];
  readonly totals: readonly unknown[] | null;
}

/** How long a read may take, on the server and here. */
const READ_DEADLINE_SECONDS = 20;
const MILLISECONDS_PER_SECOND = 1000;

/**
 * Amounts and counts travel as text, which JSON numbers cannot hold; a query that fails half way is not a 200. Memory
 * is bounded by the user's profile: a session that asks for more than a profile allows is refused.
 */
const READ_SETTINGS: ClickHouseSettings = {
  max_execution_time: READ_DEADLINE_SECONDS,
  // Over shards, what a subquery finds is found on all of them and sent to each.
  distributed_product_mode: 'global',
  timeout_overflow_mode: 'throw',
  wait_end_of_query: 1,
  send_progress_in_http_headers: 0,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
};

/** Runs a query as the client's user. Throws `StoreError`. */
export async function readRows(query: Query): Promise<QueryAnswer> {
  // A second longer than the server's own limit, whose error says more.
  const deadline = AbortSignal.timeout((READ_DEADLINE_SECONDS + 1) * MILLISECONDS_PER_SECOND);
  try {
    const answer = await query.client.query({
      query: query.sql,
      query_params: query.params,
      format: 'JSONCompact',
      abort_signal: deadline,
      clickhouse_settings: settingsOf(query),
    });
    const { data, totals } = await answer.json<unknown[]>();
    return { rows: data, totals: totals ?? null };
  } catch (error) {
    throw toStoreError(error, deadline);
  }
}

/** The bytes that a query answers, whose text names its format. Throws `StoreError`. */
export async function readBytes(query: Query): Promise<Buffer> {
  const deadline = AbortSignal.timeout((READ_DEADLINE_SECONDS + 1) * MILLISECONDS_PER_SECOND);
  try {
    const answer = await query.client.exec({
      query: query.sql,
      query_params: query.params,
      abort_signal: deadline,
      clickhouse_settings: settingsOf(query),
    });
    return await buffer(answer.stream);
  } catch (error) {
    throw toStoreError(error, deadline);
  }
}

function settingsOf({ threadsMax }: Query): ClickHouseSettings {
  return threadsMax === null ? READ_SETTINGS : { ...READ_SETTINGS, max_threads: threadsMax };
}

/** A 64-bit count from its text. Throws `unsafe_count` beyond 2^53. */
export function toCount(value: unknown): number {
  const count = Number(value);
  if (!Number.isSafeInteger(count)) {
    throw new StoreError('unsafe_count', 'a sum is beyond what a JSON number holds exactly', {
      retryable: false,
    });
  }
  return count;
}
