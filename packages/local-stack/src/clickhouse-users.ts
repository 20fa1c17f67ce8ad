import { escapeXml } from './clickhouse-config.ts';

/** The users of the local ClickHouse beside `default`; each one's password is its name. */
export const CLICKHOUSE_USERS = ['ingest', 'report', 'analyst'] as const;

/** A user of the local ClickHouse beside `default`. */
export type ClickHouseUser = (typeof CLICKHOUSE_USERS)[number];

type Profile = {
  settings: Readonly<Record<string, number | string>>;
  most?: Readonly<Record<string, number>>;
};

const MEGABYTE = 1_048_576;

/** Settings of each user's sessions; `most` are bounds that a session may not lift. */
const PROFILES: Readonly<Record<ClickHouseUser, Profile>> = {
  // What "stored once" stands on is written out, so that no default of a later release can change it.
  ingest: {
    settings: {
      async_insert: 0,
      insert_deduplicate: 1,
      deduplicate_insert: 'enable',
      optimize_on_insert: 0,
      deduplicate_blocks_in_dependent_materialized_views: 1,
      materialized_views_ignore_errors: 0,
      max_insert_block_size: 1_048_576,
      min_insert_block_size_rows: 1_048_576,
      min_insert_block_size_bytes: 1_073_741_824,
      input_format_parallel_parsing: 0,
      send_progress_in_http_headers: 0,
      http_wait_end_of_query: 1,
      max_threads: 2,
    },
  },
  report: {
    settings: { readonly: 2, max_threads: 1, max_execution_time: 30, max_memory_usage: 512 * MEGABYTE },
    most: { max_execution_time: 30, max_memory_usage: 512 * MEGABYTE },
  },
  analyst: {
    settings: { readonly: 2, max_threads: 2, max_execution_time: 60, max_memory_usage: 512 * MEGABYTE },
    most: { max_execution_time: 60, max_memory_usage: 512 * MEGABYTE },
  },
};

const RIGHTS: Readonly<Record<ClickHouseUser, string>> = {
  // It also migrates: the aggregator brings the tables up to date when it starts.
  ingest: 'SELECT, INSERT, CREATE DATABASE, CREATE TABLE, CREATE VIEW, ALTER, dictGet',
  report: 'SELECT, dictGet',
  analyst: 'SELECT, dictGet',
};

/** Engines of which `ingest` may make tables; ClickHouse asks for this right apart from that on the database. */
const INGEST_ENGINES = ['MergeTree', 'ReplacingMergeTree', 'AggregatingMergeTree', 'Distributed'];

/** Whom users.xml lets in, and to what. */
export type ClickHouseAccess = {
  /** Databases on which the users beside `default` have their rights; null means every database. */
  databases: readonly string[] | null;
  /** Addresses or networks from which any user may connect. */
  networks: readonly string[];
};

/** Only from this machine. */
export const LOOPBACK_NETWORKS: readonly string[] = ['127.0.0.1', '::1'];

/** The text of users.xml; `default` is the administrator and has no password. */
export function clickhouseUsers({ databases, networks }: ClickHouseAccess): string {
  const places = databases === null ? ['*.*'] : databases.map((name) => `${quote(name)}.*`);
  const from = `<networks>${networks.map((network) => `<ip>${escapeXml(network)}</ip>`).join('')}</networks>`;
  return `<clickhouse>
  <profiles>
    <default/>
    ${CLICKHOUSE_USERS.map(profileXml).join('\n    ')}
  </profiles>
  <quotas><default/></quotas>
  <users>
    ${userXml('default', '', from)}
    ${CLICKHOUSE_USERS.map((user) => userXml(user, user, from + grantsXml(user, places))).join('\n    ')}
  </users>
</clickhouse>
`;
}

function profileXml(user: ClickHouseUser): string {
  const { settings, most = {} } = PROFILES[user];
  const lines = Object.entries(settings).map(([name, value]) => `<${name}>${value}</${name}>`);
  // 0 would mean no bound.
  const bounds = Object.entries(most).map(
    ([name, value]) => `<${name}><min>1</min><max>${value}</max></${name}>`,
  );
  const constraints = bounds.length === 0 ? '' : `<constraints>${bounds.join('')}</constraints>`;
  return `<${user}>${lines.join('')}${constraints}</${user}>`;
}

function userXml(name: string, password: string, rest: string): string {
  const login = `<password>${password}</password><profile>${name}</profile><quota>default</quota>`;
  return `<${name}>${login}${rest}</${name}>`;
}

function grantsXml(user: ClickHouseUser, places: readonly string[]): string {
  const rights = places.map((place) => `GRANT ${RIGHTS[user]} ON ${escapeXml(place)}`);
  const engines = user === 'ingest' ? INGEST_ENGINES.map((name) => `GRANT TABLE ENGINE ON ${name}`) : [];
  const queries = [...rights, ...engines].map((grant) => `<query>${grant}</query>`);
  return `<grants>${queries.join('')}</grants>`;
}

function quote(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
