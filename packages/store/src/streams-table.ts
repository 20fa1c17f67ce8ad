import { clock, plain, type Table } from './column.ts';
import { TABLE_SETTINGS } from './table-settings.ts';

/** Columns of a stream's row in the order in which it is written. */
export const STREAM_COLUMNS = [
  plain('stream', 'UInt32'),
  plain('topic', 'String'),
  plain('fingerprint', 'String'),
];

/**
 * Incarnations of topics: a topic that is deleted and made again starts at offset 0 once more, and without a number of
 * its own its tokens and ranges would be those of the first one. A number is given once and never changed.
 */
export const STREAMS_TABLE: Table = {
  name: 'streams',
  columns: [
    ...STREAM_COLUMNS,
    { ...clock('first_seen', "DateTime64(3, 'UTC')"), defaultExpression: 'now64(3)' },
  ],
  indexes: [],
  engine: 'MergeTree',
  partitionBy: null,
  orderBy: ['stream'],
  primaryKey: null,
  settings: TABLE_SETTINGS,
};
