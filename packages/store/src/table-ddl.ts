import type { Column, Table } from './column.ts';
import { RAW_TABLE } from './raw-events.ts';
import { ADDITIVE_COLUMNS, type Rollup, rollupViewName } from './rollups.ts';

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

/** `CREATE MATERIALIZED VIEW` that feeds a rollup with every block inserted into raw. */
export function createRollupViewStatement(rollup: Rollup): string {
  const selected = [
    ...rollup.dimensions.map(({ column, fromRaw }) => `${fromRaw} AS ${column.name}`),
    ...ADDITIVE_COLUMNS.map(({ name, fromRaw }) => `${fromRaw('r')} AS ${name}`),
  ];
  const keys = rollup.dimensions.map(({ column }) => column.name);
  return [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.${rollupViewName(rollup)} TO {database}.${rollup.name} AS`,
    'SELECT',
    selected.map((line) => `  ${line}`).join(',\n'),
    `FROM {database}.${RAW_TABLE.name} AS r`,
    `GROUP BY ${keys.join(', ')}`,
  ].join('\n');
}

function columnText(column: Column): string {
  const parts = [column.name, column.type];
  if (column.defaultExpression !== null) parts.push(`DEFAULT ${column.defaultExpression}`);
  if (column.codec !== null) parts.push(`CODEC(${column.codec})`);
  return parts.join(' ');
}
