import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

/** A connection pool to one ClickHouse server, bound to one database and user. */
export type StoreClient = ClickHouseClient;

export interface StoreClientOptions {
  /** `http://127.0.0.1:8123`. */
  readonly url: string;
  readonly username: string;
  /** Empty = none. */
  readonly password: string;
  readonly database: string;
  /** @default 10 */
  readonly connectionsMax?: number;
}

const CONNECTIONS_MAX = 10;
/** Below the server's `keep_alive_timeout` (10 s where self-hosted), or a reused socket may just have been closed. */
const IDLE_SOCKET_MS = 5_000;
/** The last resort; every call here has a deadline of its own below it. */
const REQUEST_TIMEOUT_MS = 60_000;

/** Opens a pool; nothing is sent yet. Close it with `close()`. */
export function createStoreClient(options: StoreClientOptions): StoreClient {
  return createClient({
    url: options.url,
    username: options.username,
    password: options.password,
    database: options.database,
    application: 'meterstone',
    max_open_connections: options.connectionsMax ?? CONNECTIONS_MAX,
    request_timeout: REQUEST_TIMEOUT_MS,
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS },
    compression: { request: false, response: false },
    // What goes wrong comes as an error, and is logged by the service that decides about it.
    log: { level: ClickHouseLogLevel.OFF },
  });
}
