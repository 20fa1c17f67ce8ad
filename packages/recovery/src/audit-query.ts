import type { StoreClient } from '@meterstone/store';

/** Whom to ask, and how hard. */
export interface AuditStore {
  readonly store: StoreClient;
  /** Threads of ClickHouse for one look. @default what the user's profile allows */
  readonly threadsMax?: number;
}

export interface AuditQuery {
  readonly sql: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Seconds that one look may take on the server: below the client's 60, or the server would go on for nobody. */
const LOOK_SECONDS_MAX = 50;

/** Rows as lists of texts. Throws what the store's client throws, ClickHouse's TIMEOUT_EXCEEDED included. */
export async function askRows(
  { store, threadsMax }: AuditStore,
  { sql, params = {} }: AuditQuery,
): Promise<string[][]> {
  const answer = await store.query({
    query: sql,
    query_params: { ...params },
    format: 'JSONCompactStrings',
    clickhouse_settings: {
      max_execution_time: LOOK_SECONDS_MAX,
      timeout_overflow_mode: 'throw',
      // A look that fails half way is not a 200.
      wait_end_of_query: 1,
      ...(threadsMax === undefined ? {} : { max_threads: threadsMax }),
    },
  });
  const { data } = await answer.json<string[]>();
  return data;
}
