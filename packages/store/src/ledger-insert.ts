import { TOKEN_BUCKETS } from '@meterstone/metering';
import type { StoreClient } from './client.ts';
import { insertBlock } from './insert.ts';
import { INSERT_DEADLINE_MS } from './insert-raw-block.ts';
import type { LedgerRange } from './ledger-range.ts';
import { LEDGER_AMOUNTS, LEDGER_COLUMNS, LEDGER_TABLE } from './ledger-table.ts';
import { RowBinaryWriter } from './row-binary.ts';

const INT128_WORDS = 4;
const WORD_BITS = 32;

/**
 * Writes the ledger row of a range that is stored whole: block, views and dead letters. Sent without deduplication on
 * purpose: a ClickHouse that was killed at the wrong moment knows the token of an insert of which it has no row, and would
 * drop the second attempt; written twice, a row is one row by its key. Errors: those of `insertBlock`.
 */
export async function insertLedgerRange(client: StoreClient, range: LedgerRange): Promise<void> {
  const writer = new RowBinaryWriter();
  writer.int32(range.stream);
  writer.int32(range.kafkaPartition);
  writer.int64(range.firstOffset);
  writer.int64(range.nextOffset);
  writer.text(range.token);
  writer.text(range.epoch);
  writer.int32(range.rowLayout);
  writer.text(range.checksum);
  writer.int64(range.lastRecord?.offset ?? 0);
  writer.text(range.lastRecord?.checksum ?? null);
  writer.int64(range.records);
  writer.int64(range.stored);
  writer.int64(range.duplicates);
  writer.int64(range.deadLetters);
  writer.int64(range.ingestedAtMax ?? 0);
  for (const bucket of TOKEN_BUCKETS) writeInt128(writer, range.sums.tokens[bucket]);
  for (const amount of Object.keys(LEDGER_AMOUNTS) as (keyof typeof LEDGER_AMOUNTS)[]) {
    writeInt128(writer, range.sums.amounts[amount]);
  }
  await insertBlock({
    client,
    table: LEDGER_TABLE.name,
    columns: LEDGER_COLUMNS,
    bytes: writer.bytes.subarray(0, writer.position),
    token: null,
    deadlineMs: INSERT_DEADLINE_MS,
  });
}

/** `Int128`, or `Decimal(38, 12)` from picodollars: the same bytes. */
function writeInt128(writer: RowBinaryWriter, value: bigint): void {
  for (let word = 0; word < INT128_WORDS; word += 1) {
    writer.int32(Number(BigInt.asIntN(WORD_BITS, value >> BigInt(word * WORD_BITS))));
  }
}
