import { plain, type Table } from './column.ts';
import { TABLE_SETTINGS } from './table-settings.ts';

/**
 * The one place where a user's name stands: all other tables know the user by key, so erasing a person is deleting
 * one row. Written before the rows that use it. The filter on the name serves a report's question about one user.
 */
export const USERS_TABLE: Table = {
  name: 'users',
  columns: [plain('org_id', 'String'), plain('user_key', 'FixedString(16)'), plain('user', 'String')],
  indexes: ['INDEX user_filter user TYPE bloom_filter(0.025) GRANULARITY 1'],
  engine: 'ReplacingMergeTree',
  partitionBy: null,
  orderBy: ['org_id', 'user_key'],
  primaryKey: null,
  settings: TABLE_SETTINGS,
};
