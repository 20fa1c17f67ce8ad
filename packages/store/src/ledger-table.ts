import { bucketColumn, TOKEN_BUCKETS } from '@meterstone/metering';
import { clock, counter, plain, type Table } from './column.ts';
import { AMOUNT_TYPE } from './raw-events.ts';
import { TABLE_SETTINGS } from './table-settings.ts';

/** Amounts whose sums stand in the ledger, by their column; unpriced ones are left out of the sums. */
export const LEDGER_AMOUNTS = {
  marketCost: 'market_cost',
  totalCost: 'total_cost',
  surchargeCost: 'surcharge_cost',
  charge: 'charge',
} as const;

/** Columns of a ledger row in the order in which `insertLedgerRange` writes them. */
export const LEDGER_COLUMNS = [
  plain('stream', 'UInt32'),
  plain('kafka_partition', 'UInt32'),
  clock('first_offset', 'UInt64'),
  clock('next_offset', 'UInt64'),
  plain('token', 'String'),
  plain('epoch', 'String'),
  plain('row_layout', 'UInt32'),
  plain('checksum', 'String'),
  clock('last_record_offset', 'UInt64'),
  plain('last_record_checksum', 'String'),
  counter('records', 'UInt64'),
  counter('stored', 'UInt64'),
  counter('duplicates', 'UInt64'),
  counter('dead_letters', 'UInt64'),
  clock('ingested_at_max', "DateTime64(3, 'UTC')"),
  // Wider than a rollup's sums: one range can hold more than 2^63 tokens if its events are absurd.
  ...TOKEN_BUCKETS.map((bucket) => plain(bucketColumn(bucket), 'Int128')),
  ...Object.values(LEDGER_AMOUNTS).map((column) => plain(column, AMOUNT_TYPE)),
];

/**
 * What is stored: a row per half-open range of offsets of one Kafka partition of one stream. It is the position of
 * record. The key makes a row that was written twice one row; readers collapse it before the merge does.
 */
export const LEDGER_TABLE: Table = {
  name: 'ingest_ranges',
  columns: [
    ...LEDGER_COLUMNS,
    { ...clock('stored_at', "DateTime64(3, 'UTC')"), defaultExpression: 'now64(3)' },
  ],
  indexes: [],
  engine: 'ReplacingMergeTree',
  partitionBy: null,
  orderBy: ['stream', 'kafka_partition', 'first_offset'],
  primaryKey: null,
  settings: TABLE_SETTINGS,
};
