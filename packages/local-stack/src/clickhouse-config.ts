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

/**
 * Merges that are begun at a time, for two threads. With four, the large merges of one table took all of them for minutes
 * under load, and the parts of the other tables piled up: 751 instead of some 80 (2026-11-30).
 */
const MERGES_AT_ONCE_PER_THREAD = 8;
/** While fewer than so many of them are free, the less is free the smaller is the largest merge that may begin. */
const MERGES_KEPT_FOR_SMALL_PARTS = 8;

/** Share of the memory that merges may take before no further one begins: one of raw has taken 370 MB. */
const MERGES_MEMORY_SHARE = 0.4;
const MEGABYTE = 1_048_576;

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
  <max_server_memory_usage>${node.memoryMegabytesMax * MEGABYTE}</max_server_memory_usage>
  <merges_mutations_memory_usage_soft_limit>${Math.round(node.memoryMegabytesMax * MERGES_MEMORY_SHARE) * MEGABYTE}</merges_mutations_memory_usage_soft_limit>
  <mark_cache_size>67108864</mark_cache_size>
  <index_mark_cache_size>16777216</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>${MERGES_AT_ONCE_PER_THREAD}</background_merges_mutations_concurrency_ratio>
  <background_merges_mutations_scheduling_policy>shortest_task_first</background_merges_mutations_scheduling_policy>
  <merge_tree>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>${MERGES_KEPT_FOR_SMALL_PARTS}</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
  </merge_tree>
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
