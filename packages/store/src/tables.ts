import { clock, plain, type Table } from './column.ts';
import { LEDGER_TABLE } from './ledger-table.ts';
import { RAW_TABLE } from './raw-events.ts';
import { rollupTable } from './rollup.ts';
import { ROLLUPS } from './rollups.ts';
import { STREAMS_TABLE } from './streams-table.ts';
import { TABLE_SETTINGS } from './table-settings.ts';
import { TAG_SETS_TABLE } from './tag-sets.ts';
import { USERS_TABLE } from './users-table.ts';

/** Which migrations a database has had. Written by each migrator that finished one, so rows may repeat. */
export const MIGRATIONS_TABLE: Table = {
  name: 'migrations',
  columns: [
    plain('number', 'UInt32'),
    plain('name', 'String'),
    plain('checksum', 'String'),
    { ...clock('applied_at', "DateTime64(3, 'UTC')"), defaultExpression: 'now64(3)' },
  ],
  indexes: [],
  engine: 'ReplacingMergeTree',
  partitionBy: null,
  orderBy: ['number'],
  primaryKey: null,
  settings: TABLE_SETTINGS,
};

/** The one list of tables. */
export const TABLES: readonly Table[] = [
  MIGRATIONS_TABLE,
  USERS_TABLE,
  STREAMS_TABLE,
  LEDGER_TABLE,
  RAW_TABLE,
  TAG_SETS_TABLE,
  ...ROLLUPS.map((rollup) => rollupTable(rollup)),
];
