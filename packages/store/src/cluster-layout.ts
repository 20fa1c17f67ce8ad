/**
 * How a cluster holds the tables. One server has no layout (`null`): every statement stands as it was written.
 *
 * Sharded, the tables of each shard stand in a database of their own, `<database>_shard`, under the same names; the
 * database itself holds `Distributed` tables over them, to be read. Blocks are inserted straight into one shard's
 * tables, by a client of that database: a token means something to the table that remembers it, and nowhere else.
 */
export interface ClusterLayout {
  /** The cluster's name in `remote_servers`. */
  readonly cluster: string;
  readonly sharded: boolean;
  /** Tables have replicas that find each other through Keeper, which remembers their tokens too. */
  readonly replicated: boolean;
  /** One statement on one server reaches all, through Keeper; `false` = each server is migrated by itself. */
  readonly onCluster: boolean;
}

/**
 * How long replicas remember a token: longer than an ingest may stand still before its intent is replayed. Keeper
 * forgets by age as well as by number, by default after an hour.
 */
const REPLICATED_WINDOW_SECONDS = 604_800;

const HEAD = /^CREATE (TABLE|MATERIALIZED VIEW|VIEW) IF NOT EXISTS \{database\}\.(\w+)/;
/** A view that holds nothing. It reads whole tables, so it stands where they are. */
const PLAIN_VIEW = /^CREATE VIEW /;

/**
 * A migration's statement as the statements that a cluster needs in its place. `{database}` stands for the database
 * and `{shard_database}` for the one of the shards. Throws `RangeError` for a statement of an unknown form.
 */
export function inLayout(statement: string, layout: ClusterLayout | null): readonly string[] {
  if (layout === null) return [statement];
  const head = HEAD.exec(statement);
  if (head === null) throw new RangeError(`no cluster knows how to run: ${statement.slice(0, 80)}`);
  const spread = onCluster(withEngine(statement, layout), layout);
  if (!layout.sharded) return [spread];
  if (PLAIN_VIEW.test(statement)) {
    // Without GLOBAL, each shard would join its own rows with the names of all.
    return [spread.replace('\nLEFT ANY JOIN ', '\nGLOBAL LEFT ANY JOIN ')];
  }
  const local = spread.replaceAll('{database}', '{shard_database}');
  const [, kind, name = ''] = head;
  return kind === 'TABLE' ? [local, distributedTable(name, layout)] : [local];
}

/** The databases that a layout needs; `{database}` and `{shard_database}` as above. */
export function databaseStatements(layout: ClusterLayout | null): readonly string[] {
  const names = layout?.sharded === true ? ['{database}', '{shard_database}'] : ['{database}'];
  return names.map((name) => `CREATE DATABASE IF NOT EXISTS ${name}${clusterClause(layout)}`);
}

/** Puts the names of the databases, quoted, in a statement. */
export function inDatabase(statement: string, database: string): string {
  return statement
    .replaceAll('{shard_database}', quoted(shardDatabase(database)))
    .replaceAll('{database}', quoted(database));
}

/** The database of the shards' own tables. */
export function shardDatabase(database: string): string {
  return `${database}_shard`;
}

function withEngine(statement: string, { replicated }: ClusterLayout): string {
  if (!replicated) return statement;
  return statement
    .replace(/^ENGINE = (\w*MergeTree)$/m, 'ENGINE = Replicated$1')
    .replace(
      /\bnon_replicated_deduplication_window = (\d+)/,
      `replicated_deduplication_window = $1, replicated_deduplication_window_seconds = ${REPLICATED_WINDOW_SECONDS}`,
    );
}

function onCluster(statement: string, layout: ClusterLayout): string {
  return statement.replace(HEAD, (head) => `${head}${clusterClause(layout)}`);
}

function distributedTable(name: string, layout: ClusterLayout): string {
  return [
    `CREATE TABLE IF NOT EXISTS {database}.${name}${clusterClause(layout)} AS {shard_database}.${name}`,
    `ENGINE = Distributed('${layout.cluster}', {shard_database}, ${name})`,
  ].join('\n');
}

function clusterClause(layout: ClusterLayout | null): string {
  return layout?.onCluster === true ? ` ON CLUSTER '${layout.cluster}'` : '';
}

function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
