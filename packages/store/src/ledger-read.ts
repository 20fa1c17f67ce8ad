import { bucketColumn, parseAmount, TOKEN_BUCKETS } from '@meterstone/metering';
import type { StoreClient } from './client.ts';
import type { LedgerRange, RangeSums, RecordMark } from './ledger-range.ts';
import { LEDGER_AMOUNTS, LEDGER_COLUMNS, LEDGER_TABLE } from './ledger-table.ts';
import { readRows } from './read.ts';

/** Which ranges of the ledger are wanted. */
export interface LedgerQuestion {
  readonly stream: number;
  readonly kafkaPartition: number;
  /** Ranges that hold an offset of `[from, to)`. */
  readonly from: number;
  readonly to: number;
}

/** A range as it stands in the ledger. */
export interface LedgerEntry extends LedgerRange {
  /** ClickHouse's clock when the row was written, epoch milliseconds. */
  readonly storedAt: number;
}

/**
 * The position of record of each Kafka partition of a stream: the first offset behind the last stored range. A Kafka
 * partition of which nothing was stored is not in the map. Throws `StoreError`.
 */
export async function readLedgerPositions(client: StoreClient, stream: number): Promise<Map<number, number>> {
  const { rows } = await readRows({
    client,
    sql: `SELECT kafka_partition, max(next_offset) FROM ${LEDGER_TABLE.name} WHERE stream = {stream:UInt32} GROUP BY kafka_partition`,
    params: { stream },
    threadsMax: 1,
  });
  return new Map(
    rows.map(([kafkaPartition, nextOffset]): [number, number] => [
      Number(kafkaPartition),
      Number(nextOffset),
    ]),
  );
}

/**
 * The last stored range of a Kafka partition, whose end is its position of record; `null` = nothing was stored of it.
 * Reads one granule from the end of the key, however long the ledger is. Throws `StoreError`.
 */
export async function readLastLedgerRange(
  client: StoreClient,
  { stream, kafkaPartition }: Pick<LedgerQuestion, 'stream' | 'kafkaPartition'>,
): Promise<LedgerEntry | null> {
  const { rows } = await readRows({
    client,
    sql: LAST_RANGE_SQL,
    params: { stream, kafka_partition: kafkaPartition },
    threadsMax: 1,
  });
  return toEntries(rows)[0] ?? null;
}

/** The stored ranges that a span of offsets touches, each once, by rising offset. Throws `StoreError`. */
export async function readLedgerRanges(
  client: StoreClient,
  question: LedgerQuestion,
): Promise<LedgerEntry[]> {
  const { rows } = await readRows({
    client,
    sql: RANGES_SQL,
    params: {
      stream: question.stream,
      kafka_partition: question.kafkaPartition,
      from: String(question.from),
      to: String(question.to),
    },
    threadsMax: 1,
  });
  return toEntries(rows);
}

const NAMES = [...LEDGER_COLUMNS.map(({ name }) => name), 'stored_at'];
const SELECTED = NAMES.map((name) =>
  name === 'ingested_at_max' || name === 'stored_at' ? `toUnixTimestamp64Milli(l.${name})` : `l.${name}`,
);
const OF_PARTITION = 'WHERE l.stream = {stream:UInt32} AND l.kafka_partition = {kafka_partition:UInt32}';
const LAST_RANGE_SQL = [
  `SELECT ${SELECTED.join(', ')}`,
  `FROM ${LEDGER_TABLE.name} AS l`,
  OF_PARTITION,
  'ORDER BY l.first_offset DESC',
  'LIMIT 1',
].join('\n');
const RANGES_SQL = [
  `SELECT ${SELECTED.join(', ')}`,
  `FROM ${LEDGER_TABLE.name} AS l FINAL`,
  OF_PARTITION,
  '  AND l.first_offset < {to:UInt64} AND l.next_offset > {from:UInt64}',
  'ORDER BY l.first_offset',
].join('\n');

function toEntries(rows: readonly (readonly unknown[])[]): LedgerEntry[] {
  return rows.map((values) =>
    toEntry(Object.fromEntries(NAMES.map((name, index) => [name, String(values[index])]))),
  );
}

function toEntry(row: Readonly<Record<string, string>>): LedgerEntry {
  const text = (name: string) => row[name] ?? '';
  const count = (name: string) => Number(row[name]);
  const stored = count('stored');
  return {
    stream: count('stream'),
    kafkaPartition: count('kafka_partition'),
    firstOffset: count('first_offset'),
    nextOffset: count('next_offset'),
    token: text('token'),
    epoch: text('epoch'),
    rowLayout: count('row_layout'),
    checksum: text('checksum'),
    lastRecord: toMark(count('last_record_offset'), text('last_record_checksum')),
    records: count('records'),
    stored,
    duplicates: count('duplicates'),
    deadLetters: count('dead_letters'),
    ingestedAtMax: stored === 0 ? null : count('ingested_at_max'),
    sums: toSums(text),
    storedAt: count('stored_at'),
  };
}

function toMark(offset: number, checksum: string): RecordMark | null {
  return checksum === '' ? null : { offset, checksum };
}

function toSums(text: (name: string) => string): RangeSums {
  const tokens = TOKEN_BUCKETS.map((bucket) => [bucket, BigInt(text(bucketColumn(bucket)))]);
  const amounts = Object.entries(LEDGER_AMOUNTS).map(([name, column]) => [name, parseAmount(text(column))]);
  return {
    // Every bucket and every amount stands in the lists that the entries are made from.
    tokens: Object.fromEntries(tokens) as RangeSums['tokens'],
    amounts: Object.fromEntries(amounts) as RangeSums['amounts'],
  };
}
