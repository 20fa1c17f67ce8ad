import { type AuditMemory, type CountedMonth, placeKey } from './audit-memory.ts';
import { type AuditStore, askRows } from './audit-query.ts';
import { type Month, RAW, readMonths } from './month-parts.ts';
import { readMonthSlices, sliceCondition } from './month-slices.ts';

/** Rows of raw of one Kafka partition of a stream. */
export interface RawCount {
  /** At offsets before the ledger's position. */
  readonly below: number;
  readonly beyond: number;
}

/** How far the ledger goes. */
export interface LedgerPlace {
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly position: number;
}

export interface CountRawOptions extends AuditStore {
  readonly memory: AuditMemory;
  readonly sliceRowsMax?: number;
  readonly onProgress?: (line: string) => void;
}

/**
 * Counts raw by Kafka partition, a month at a time and each month in slices; a month whose parts are those of the last
 * count is not read. Positions are to be read before: then everything below them is in raw already, and stays.
 */
export async function countRaw(
  options: CountRawOptions,
  places: readonly LedgerPlace[],
): Promise<Map<string, RawCount>> {
  const { memory } = options;
  const counts = new Map(places.map((place) => [keyOf(place), { below: 0, beyond: 0 }]));
  const months = places.length === 0 ? [] : await readMonths(options.store);
  for (const month of months) {
    const known = rememberedCounts(memory.counted.get(month.name), month, places);
    const found = known ?? (await countMonth(options, month, places));
    for (const [key, { below, beyond }] of found) {
      const sum = counts.get(key);
      if (sum === undefined) continue;
      sum.below += below;
      sum.beyond += beyond;
    }
  }
  return counts;
}

function keyOf({ stream, kafkaPartition }: LedgerPlace): string {
  return placeKey(stream, kafkaPartition);
}

/** `null` = the month has to be read: other parts, or rows that were, or now are, at the position or beyond it. */
function rememberedCounts(
  counted: CountedMonth | undefined,
  { parts }: Month,
  places: readonly LedgerPlace[],
): Map<string, RawCount> | null {
  if (counted === undefined || counted.parts !== parts.get(RAW)) return null;
  const positions = new Map(places.map((place) => [keyOf(place), place.position]));
  const isBelow = [...counted.places].every(
    ([key, { lastOffset }]) => lastOffset < (positions.get(key) ?? Number.POSITIVE_INFINITY),
  );
  if (!isBelow) return null;
  return new Map([...counted.places].map(([key, { rows }]) => [key, { below: rows, beyond: 0 }]));
}

async function countMonth(
  options: CountRawOptions,
  month: Month,
  places: readonly LedgerPlace[],
): Promise<Map<string, RawCount>> {
  const { memory, sliceRowsMax, onProgress } = options;
  const found = new Map<string, { below: number; beyond: number; lastOffset: number }>();
  const slices = await readMonthSlices(options, month, sliceRowsMax);
  for (const [index, slice] of slices.entries()) {
    onProgress?.(`ledger: rows of ${month.name}, slice ${index + 1} of ${slices.length}`);
    const { sql, params } = sliceCondition(slice);
    const rows = await askRows(options, {
      sql: `${COUNT_SQL}\nWHERE ${sql}\nGROUP BY r.stream, r.kafka_partition`,
      params: { ...params, ...positionParams(places) },
    });
    for (const [stream, kafkaPartition, below, beyond, lastOffset] of rows) {
      const key = placeKey(Number(stream), Number(kafkaPartition));
      const before = found.get(key);
      found.set(key, {
        below: (before?.below ?? 0) + Number(below),
        beyond: (before?.beyond ?? 0) + Number(beyond),
        lastOffset: Math.max(before?.lastOffset ?? 0, Number(lastOffset)),
      });
    }
  }
  remember(memory, month, found);
  return found;
}

function remember(
  memory: AuditMemory,
  month: Month,
  found: ReadonlyMap<string, RawCount & { readonly lastOffset: number }>,
): void {
  const parts = month.parts.get(RAW) ?? null;
  if (parts === null) return;
  const places = new Map(
    [...found].map(([key, { below, beyond, lastOffset }]) => [key, { rows: below + beyond, lastOffset }]),
  );
  memory.counted.set(month.name, { parts, places });
}

function positionParams(places: readonly LedgerPlace[]): Record<string, readonly number[]> {
  return {
    places: places.map(({ stream, kafkaPartition }) => stream * PLACES + kafkaPartition),
    positions: places.map(({ position }) => position),
  };
}

/** Kafka partitions are numbered with 32 bits. */
const PLACES = 2 ** 32;
const POSITION =
  'transform(r.stream * 4294967296 + r.kafka_partition, {places:Array(UInt64)}, {positions:Array(UInt64)}, toUInt64(0))';
const COUNT_SQL = [
  'SELECT r.stream, r.kafka_partition,',
  `  countIf(r.kafka_offset < ${POSITION}), countIf(r.kafka_offset >= ${POSITION}), max(r.kafka_offset)`,
  `FROM ${RAW} AS r`,
].join('\n');
