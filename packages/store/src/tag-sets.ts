import { plain, type Table } from './column.ts';
import { RAW_TABLE } from './raw-events.ts';
import { TABLE_SETTINGS } from './table-settings.ts';

/** The key of a row's tag set, by which rollups know it: 64 bits over the sorted tags; no tags have one too. */
export function tagsHash(alias: string): string {
  return `cityHash64(${alias}.tags)`;
}

/**
 * The tags behind each hash: rollups hold 8 bytes in place of up to ten texts, and a filter on tags reads an org's
 * few sets instead of every row. Two sets of one org under one hash would be reported as the first of them: of a
 * million sets, one chance in 37 million.
 */
export const TAG_SETS_TABLE: Table = {
  name: 'tag_sets',
  columns: [plain('org_id', 'String'), plain('tags_hash', 'UInt64'), plain('tags', 'Array(String)')],
  indexes: [],
  engine: 'ReplacingMergeTree',
  partitionBy: null,
  orderBy: ['org_id', 'tags_hash'],
  primaryKey: null,
  settings: TABLE_SETTINGS,
};

/** What the view that feeds `tag_sets` selects over a block of raw, which it calls `s`. */
export const TAG_SETS_SELECTION: readonly string[] = [
  's.org_id AS org_id',
  `${tagsHash('s')} AS tags_hash`,
  'any(s.tags) AS tags',
];

/** Name of that view. */
export const TAG_SETS_VIEW = `tag_sets_from_${RAW_TABLE.name}`;
