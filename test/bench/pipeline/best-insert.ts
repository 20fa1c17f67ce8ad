import { WrongSums } from '../bench.ts';
import { type InsertSelectOptions, type InsertWay, insertSelect, nameOfWay } from './insert-select.ts';

const BLOCK_ROWS = [250_000, 1_000_000];
/** Rows with which the ways are told apart; a longer file shows no other order and takes an hour. */
const SEARCH_ROWS_MAX = 2_000_000;

/** All ways that are looked at, the aggregator's own block size among them. */
export function insertWays(blockRows: number, events: number): InsertWay[] {
  const sizes = new Set([blockRows, ...BLOCK_ROWS].map((rows) => Math.min(rows, events)));
  return (['RowBinary', 'Native'] as const).flatMap((format) =>
    ([1, 2] as const).flatMap((threads) => [...sizes].map((rows) => ({ format, threads, blockRows: rows }))),
  );
}

export interface BestInsertOptions extends Omit<InsertSelectOptions, 'database' | 'way' | 'rowsMax'> {
  readonly events: number;
  readonly say: (line: string) => void;
}

/** Tries every way twice, in alternation, and gives the one that was fastest when it was fast. */
export async function findBestInsert({ events, say, ...options }: BestInsertOptions): Promise<InsertWay> {
  const { clickhouse, profile } = options;
  const rowsMax = Math.min(events, SEARCH_ROWS_MAX);
  const ways = insertWays(profile.blockRows, rowsMax);
  const seconds = new Map<InsertWay, number>();
  for (const turn of [0, 1]) {
    for (const way of ways) {
      const database = `bench_way_${turn}_${nameOfWay(way)}`;
      const took = await insertSelect({ ...options, database, way, rowsMax });
      const [stored] = await clickhouse.rows(`SELECT count() AS events FROM ${database}.raw_events`);
      if (Number(stored?.['events']) !== rowsMax) {
        throw new WrongSums(`${database}: ${stored?.['events']} rows stored, ${rowsMax} expected`);
      }
      await clickhouse.run(`DROP DATABASE ${database} SYNC`);
      seconds.set(way, Math.min(took, seconds.get(way) ?? Number.POSITIVE_INFINITY));
    }
  }
  const [best] = [...seconds].toSorted(([, a], [, b]) => a - b);
  if (best === undefined) throw new Error('there is no way to insert');
  for (const [way, took] of seconds) say(`${nameOfWay(way)}: ${Math.round(rowsMax / took)} rows/s`);
  return best[0];
}
