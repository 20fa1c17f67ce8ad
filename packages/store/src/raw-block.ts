import { BlockOrder } from './block-order.ts';
import { StoreError } from './errors.ts';
import { type RawRow, writeRawRow } from './raw-row.ts';
import { RowBinaryWriter } from './row-binary.ts';

/**
 * Rows of one insert. Bounded, so that ClickHouse keeps an insert in one block (its own bound is 1,048,449 rows):
 * a block is what a deduplication token stands for.
 */
export const RAW_BLOCK_ROWS_MAX = 1_000_000;

/** Rows of `raw_events` in the making. What it becomes depends on its rows and their order of arrival alone. */
export interface RawBlock {
  readonly rows: RowBinaryWriter;
  /** Where each row starts in `rows`; one more for the end. */
  readonly starts: number[];
  readonly order: BlockOrder;
}

/** A block without rows. */
export function createRawBlock(): RawBlock {
  return { rows: new RowBinaryWriter(), starts: [0], order: new BlockOrder() };
}

/** Rows in the block so far. */
export function rawBlockRowCount(block: RawBlock): number {
  return block.order.rowCount;
}

/**
 * Adds a row. Throws `block_full` at `RAW_BLOCK_ROWS_MAX` rows and `amount_out_of_range` for an amount that the
 * table cannot hold; the block then is as it was.
 */
export function appendRawRow(block: RawBlock, row: RawRow): void {
  if (block.order.rowCount >= RAW_BLOCK_ROWS_MAX) {
    throw new StoreError('block_full', `a block holds at most ${RAW_BLOCK_ROWS_MAX} rows`, {
      retryable: false,
    });
  }
  const { position } = block.rows;
  try {
    writeRawRow(block.rows, row);
  } catch (error) {
    block.rows.position = position;
    throw error;
  }
  block.starts.push(block.rows.position);
  block.order.add(row.event.orgId, row.userKey, row.event.occurredAt);
}

/** The block in RowBinary, rows in the order of the table's key. The same rows always give the same bytes. */
export function rawBlockBytes(block: RawBlock): Buffer {
  const { rows, starts } = block;
  const sorted = Buffer.allocUnsafe(rows.position);
  let position = 0;
  for (const row of block.order.sorted()) {
    position += rows.bytes.copy(sorted, position, starts[row], starts[row + 1]);
  }
  return sorted;
}
