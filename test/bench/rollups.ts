import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startStack } from '@meterstone/local-stack';
import {
  appendRawRow,
  createRawBlock,
  createStoreClient,
  insertRawBlock,
  type RawBlock,
} from '@meterstone/store';
import { meterCpu } from './process-cpu.ts';
import { CANDIDATES, type Candidate } from './rollups-candidates.ts';
import { ratedTraffic } from './rollups-traffic.ts';
import { type ClickHouse, connectClickHouse } from './stack/clickhouse.ts';

/**
 * What each set of tables costs ClickHouse per row: `node test/bench/rollups.ts --rows 800000 --only raw`. CPU is the
 * server process's own, so other work on the machine disturbs it little; merges are waited for and counted.
 */
const DAY_MS = 86_400_000;
const BLOCK_ROWS = 100_000;
const START = Date.UTC(2026, 10, 2);
const QUIET_MS = 1_500;
const CACHE_FOLDER = resolve(import.meta.dirname, '../../.meterstone/cache');

interface Cost {
  readonly name: string;
  readonly insertMicroseconds: number;
  /** Background merges until none was left to do. */
  readonly mergeMicroseconds: number;
  /** Then everything merged into one part: what a later merge pass costs. */
  readonly passMicroseconds: number;
  readonly rowsPerSecond: number;
  readonly tables: string;
}

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '800000' },
    /** Rows of a whole day at this density. */
    day: { type: 'string', default: '11000000' },
    /** Of each candidate, in turn; the cheapest round counts, since other work on the machine only adds. */
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
    columns: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const spanMs = Math.floor((DAY_MS * rows) / Number(values.day));

const folder = await mkdtemp(join(tmpdir(), 'meterstone-rollups-'));
const stack = await startStack({
  folder,
  cacheFolder: CACHE_FOLDER,
  env: process.env,
  memory: { clickhouseMegabytesMax: 4096 },
  onProgress: say,
});
try {
  const pid = stack.pids()['clickhouse-1'] ?? -1;
  const blocks = buildBlocks();
  const chosen = CANDIDATES.filter(
    ({ name }) => values.only.length === 0 || values.only.some((part) => name.includes(part)),
  );
  // The first insert into a fresh server pays for much that no later one pays for.
  const warmUp = CANDIDATES.at(4);
  if (warmUp !== undefined) await measure({ ...warmUp, name: 'warm-up' }, blocks.slice(0, 2), pid);
  const costs = new Map<string, Cost>();
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const candidate of chosen) {
      const cost = await measure(candidate, blocks, pid);
      say(JSON.stringify(cost));
      const before = costs.get(cost.name);
      costs.set(cost.name, before === undefined ? cost : cheaper(before, cost));
    }
  }
  process.stdout.write(`${table([...costs.values()])}\n`);
} finally {
  await stack.stop(0);
  await rm(folder, { recursive: true, force: true });
}

function cheaper(a: Cost, b: Cost): Cost {
  return {
    ...a,
    insertMicroseconds: Math.min(a.insertMicroseconds, b.insertMicroseconds),
    mergeMicroseconds: Math.min(a.mergeMicroseconds, b.mergeMicroseconds),
    passMicroseconds: Math.min(a.passMicroseconds, b.passMicroseconds),
    rowsPerSecond: Math.max(a.rowsPerSecond, b.rowsPerSecond),
  };
}

function buildBlocks(): RawBlock[] {
  const blocks: RawBlock[] = [];
  const started = performance.now();
  let block = createRawBlock();
  let count = 0;
  for (const row of ratedTraffic({ rows, start: START, spanMs, seed: 7 })) {
    appendRawRow(block, row);
    count += 1;
    if (count % BLOCK_ROWS !== 0) continue;
    blocks.push(block);
    block = createRawBlock();
  }
  say(
    `${count} rows made in ${Math.round(performance.now() - started)} ms, ${Math.round(spanMs / 60_000)} minutes of usage`,
  );
  return blocks;
}

async function measure(candidate: Candidate, blocks: readonly RawBlock[], pid: number): Promise<Cost> {
  const database = `rollups_${Math.random().toString(36).slice(2)}`;
  const server = connectClickHouse(stack.clickhouseUrl);
  await server.run(`CREATE DATABASE ${database}`);
  for (const statement of candidate.statements)
    await server.run(statement.replaceAll('{database}', database));
  const client = createStoreClient({ url: stack.clickhouseUrl, username: 'default', password: '', database });
  const cpu = meterCpu(pid);
  const started = performance.now();
  for (const [i, block] of blocks.entries())
    await insertRawBlock({ client, block, token: `${database}-${i}`, deadlineMs: 120_000 });
  const elapsedMs = performance.now() - started;
  const insertCpu = cpu.microseconds();
  await settle(server);
  const settledCpu = cpu.microseconds();
  await mergeAll(server, database);
  const passCpu = cpu.microseconds();
  const tables = await describe(server, database, blocks.length * BLOCK_ROWS);
  if (values.columns) await describeColumns(server, database, blocks.length * BLOCK_ROWS);
  await client.close();
  await server.run(`DROP DATABASE ${database} SYNC`);
  const count = blocks.length * BLOCK_ROWS;
  return {
    name: candidate.name,
    insertMicroseconds: insertCpu / count,
    mergeMicroseconds: (settledCpu - insertCpu) / count,
    passMicroseconds: (passCpu - settledCpu) / count,
    rowsPerSecond: Math.round((count * 1000) / elapsedMs),
    tables,
  };
}

/** Waits until no merge has run for a while. */
async function settle(server: ClickHouse): Promise<void> {
  let quietSince = performance.now();
  while (performance.now() - quietSince < QUIET_MS) {
    await sleep(200);
    const [merges] = await server.rows('SELECT count() AS running FROM system.merges');
    if (merges?.['running'] !== '0') quietSince = performance.now();
  }
}

async function mergeAll(server: ClickHouse, database: string): Promise<void> {
  const tables = await server.rows(
    `SELECT name FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`,
  );
  for (const { name } of tables) await server.run(`OPTIMIZE TABLE ${database}.${name} FINAL`);
}

/** Rows and bytes per event of every table but raw, as far as merged. */
async function describe(server: ClickHouse, database: string, count: number): Promise<string> {
  const parts = await server.rows(
    `SELECT table, sum(rows) AS rows, sum(data_compressed_bytes) AS bytes, count() AS parts FROM system.parts
     WHERE database = '${database}' AND active GROUP BY table ORDER BY table`,
  );
  return parts
    .map((part) => {
      const perEvent = (field: string) => (Number(part[field]) / count).toFixed(field === 'rows' ? 3 : 2);
      return `${part['table']} ${perEvent('rows')} rows ${perEvent('bytes')} B`;
    })
    .join('; ');
}

async function describeColumns(server: ClickHouse, database: string, count: number): Promise<void> {
  const columns = await server.rows(
    `SELECT table, column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns
     WHERE database = '${database}' AND active GROUP BY table, column ORDER BY table, bytes DESC`,
  );
  for (const { table, column, bytes } of columns) {
    const perEvent = Number(bytes) / count;
    if (perEvent >= 0.005) say(`${table}.${column} ${perEvent.toFixed(2)}`);
  }
}

function table(costs: readonly Cost[]): string {
  const lines = costs.map(
    ({ name, insertMicroseconds, mergeMicroseconds, passMicroseconds, rowsPerSecond, tables }) =>
      `${name.padEnd(48)} ${insertMicroseconds.toFixed(1).padStart(5)} + ${mergeMicroseconds.toFixed(1).padStart(4)} + ${passMicroseconds.toFixed(1).padStart(4)} µs/row ${String(rowsPerSecond).padStart(7)} rows/s  ${tables}`,
  );
  return lines.join('\n');
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
