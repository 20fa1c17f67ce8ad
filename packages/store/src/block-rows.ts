import { RAW_TABLE } from './raw-events.ts';

/** Raw rows, called `r`, of some orgs in a span of time: parameters `org_ids`, `start` and `end`. */
export const RAW_ROWS_OF_SCOPE: readonly string[] = [
  `FROM ${RAW_TABLE.name} AS r`,
  'WHERE r.org_id IN {org_ids:Array(String)}',
  "  AND r.occurred_at >= {start:DateTime64(3, 'UTC')} AND r.occurred_at < {end:DateTime64(3, 'UTC')}",
];

/** Of these the rows of a range of offsets: parameters `stream`, `kafka_partition`, `from` and `to` too. */
export const RAW_ROWS_OF_RANGE: readonly string[] = [
  ...RAW_ROWS_OF_SCOPE,
  '  AND r.stream = {stream:UInt32} AND r.kafka_partition = {kafka_partition:UInt32}',
  '  AND r.kafka_offset >= {from:UInt64} AND r.kafka_offset < {to:UInt64}',
];
