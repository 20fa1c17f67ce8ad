import { LOOPBACK } from './ports.ts';

/** One server of the local ClickHouse and the shards that it knows. */
export type ClickHouseNode = {
  logFile: string;
  memoryMegabytesMax: number;
  /** Native ports of all shards, in order; the cluster is called `meterstone`. */
  shardPorts: readonly number[];
};

/** How long the server remembers queries. */
const QUERY_LOG_DAYS = 3;

/** The text of config.xml: small caches and pools, the query log alone among the system logs. */
export function clickhouseConfig(node: ClickHouseNode): string {
  const shards = node.shardPorts.map(
    (port) =>
      `<shard><replica><host>${LOOPBACK}</host><port>${port}</port><user>default</user></replica></shard>`,
  );
  return `<clickhouse>
  <logger>
    <log>${escapeXml(node.logFile)}</log>
    <size>16M</size>
    <count>1</count>
    <console>0</console>
  </logger>
  <user_directories><users_xml><path>users.xml</path></users_xml></user_directories>
  <query_log>
    <database>system</database>
    <table>query_log</table>
    <partition_by>toYYYYMMDD(event_date)</partition_by>
    <ttl>event_date + INTERVAL ${QUERY_LOG_DAYS} DAY DELETE</ttl>
    <flush_interval_milliseconds>5000</flush_interval_milliseconds>
  </query_log>
  <max_server_memory_usage>${node.memoryMegabytesMax * 1_048_576}</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <index_mark_cache_size>16777216</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <keep_alive_timeout>60</keep_alive_timeout>
  <access_control_improvements>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
  </access_control_improvements>
  <remote_servers>
    <meterstone>
      ${shards.join('\n      ')}
    </meterstone>
  </remote_servers>
</clickhouse>
`;
}

/** Text as the content of an XML element. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
