import type { Column, Table } from './column.ts';
import { RAW_TABLE } from './raw-events.ts';
import { type Rollup, rollupSelection, rollupViewName } from './rollup.ts';
import { TAG_SETS_SELECTION, TAG_SETS_TABLE, TAG_SETS_VIEW } from './tag-sets.ts';

/** `CREATE TABLE` of a listed table. `{database}` stands for the database. */
export function createTableStatement(table: Table): string {
  const lines = [...table.columns.map(columnText), ...table.indexes];
  const primaryKey = table.primaryKey === null ? [] : [`PRIMARY KEY (${table.primaryKey.join(', ')})`];
  const settings = Object.entries(table.settings).map(([name, value]) => `${name} = ${value}`);
  return [
    `CREATE TABLE IF NOT EXISTS {database}.${table.name} (`,
    lines.map((line) => `  ${line}`).join(',\n'),
    ')',
    `ENGINE = ${table.engine}`,
    ...(table.partitionBy === null ? [] : [`PARTITION BY ${table.partitionBy}`]),
    ...primaryKey,
    `ORDER BY (${table.orderBy.join(', ')})`,
    `SETTINGS ${settings.join(', ')}`,
  ].join('\n');
}

/** `CREATE MATERIALIZED VIEW` that feeds a rollup with every block inserted into its source. */
export function createRollupViewStatement(rollup: Rollup): string {
  return createViewStatement({
    name: rollupViewName(rollup),
    target: rollup.name,
    source: rollup.source,
    selection: rollupSelection(rollup),
    keys: rollup.dimensions.map(({ column }) => column.name),
  });
}

/** `CREATE MATERIALIZED VIEW` that notes the tag sets of every block inserted into raw. */
export function createTagSetsViewStatement(): string {
  return createViewStatement({
    name: TAG_SETS_VIEW,
    target: TAG_SETS_TABLE.name,
    source: RAW_TABLE.name,
    selection: TAG_SETS_SELECTION,
    keys: TAG_SETS_TABLE.orderBy,
  });
}

interface View {
  readonly name: string;
  readonly target: string;
  readonly source: string;
  readonly selection: readonly string[];
  readonly keys: readonly string[];
}

function createViewStatement({ name, target, source, selection, keys }: View): string {
  return [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.${name} TO {database}.${target} AS`,
    'SELECT',
    selection.map((line) => `  ${line}`).join(',\n'),
    `FROM {database}.${source} AS s`,
    `GROUP BY ${keys.join(', ')}`,
  ].join('\n');
}

function columnText(column: Column): string {
  const parts = [column.name, column.type];
  if (column.defaultExpression !== null) parts.push(`DEFAULT ${column.defaultExpression}`);
  if (column.codec !== null) parts.push(`CODEC(${column.codec})`);
  return parts.join(' ');
}
