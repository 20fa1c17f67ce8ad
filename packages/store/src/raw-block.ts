import { BlockOrder } from './block-order.ts';
import { StoreError } from './errors.ts';
import { type RawRow, writeRawRow } from './raw-row.ts';
import { RowBinaryWriter } from './row-binary.ts';

/**
 * Rows of one insert. Bounded, so that ClickHouse keeps an insert in one block (its own bound is 1,048,449 rows):
 * a block is what a deduplication token stands for.
 */
export const RAW_BLOCK_ROWS_MAX = 1_000_000;

/** Bytes of one buffer. One that grows to hold the whole block is copied again and again. */
const MEMORY_BYTES = 1_048_576;
const NO_BYTES: Buffer = Buffer.alloc(0);
/** A chunk with less room is not begun another row in; a longer row grows its chunk. */
const ROW_ROOM_BYTES = 65_536;

/** Rows of `raw_events` in the making. What it becomes depends on its rows and their order of arrival alone. */
export interface RawBlock {
  /** Writes into the last of `chunks`. */
  readonly writer: RowBinaryWriter;
  readonly chunks: Buffer[];
  /** For each row its chunk, and where it starts and ends in it. */
  readonly chunkOfRow: number[];
  readonly starts: number[];
  readonly ends: number[];
  readonly order: BlockOrder;
  /** The rows in order, once they were asked for; out of date when a row came after. */
  sorted: { readonly rowCount: number; readonly pieces: readonly Buffer[] } | null;
  /** Memory of an earlier block, to be used before any new. */
  readonly spare: Buffer[];
}

/**
 * A block without rows. Memory of `spent`, a block that is no longer needed (nothing that came of it may be read
 * any more), is used again: fresh memory costs a third of all that building a block costs.
 */
export function createRawBlock(spent?: RawBlock): RawBlock {
  const spare =
    spent === undefined ? [] : [...spent.spare, ...(spent.sorted?.pieces ?? []).map(whole), ...spent.chunks];
  return {
    writer: new RowBinaryWriter(NO_BYTES),
    chunks: [],
    chunkOfRow: [],
    starts: [],
    ends: [],
    order: new BlockOrder(),
    sorted: null,
    spare,
  };
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
  const { writer, chunks, spare } = block;
  if (chunks.length === 0 || writer.bytes.length - writer.position < ROW_ROOM_BYTES) {
    writer.moveTo(takeMemory(spare, ROW_ROOM_BYTES));
    chunks.push(writer.bytes);
  }
  const start = writer.position;
  try {
    writeRawRow(writer, row);
  } catch (error) {
    writer.position = start;
    throw error;
  } finally {
    // A row longer than the room has moved the writer to a longer buffer.
    chunks[chunks.length - 1] = writer.bytes;
  }
  block.chunkOfRow.push(chunks.length - 1);
  block.starts.push(start);
  block.ends.push(writer.position);
  block.order.add(row.event.orgId, row.userKey, row.event.occurredAt);
}

/**
 * The block in RowBinary, rows in the order of the table's key, in pieces that follow one another. The same rows
 * always give the same bytes, and asked again, the same pieces: an insert that is given up may still be reading them.
 */
export function rawBlockPieces(block: RawBlock): readonly Buffer[] {
  const { rowCount } = block.order;
  if (block.sorted?.rowCount !== rowCount) block.sorted = { rowCount, pieces: copySorted(block) };
  return block.sorted.pieces;
}

/** All pieces as one. */
export function rawBlockBytes(block: RawBlock): Buffer {
  return Buffer.concat(rawBlockPieces(block));
}

function copySorted({ chunks, chunkOfRow, starts, ends, order, spare }: RawBlock): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let piece = NO_BYTES;
  let position = 0;
  for (const row of order.sorted()) {
    const start = starts[row] ?? 0;
    const end = ends[row] ?? 0;
    if (position + end - start > piece.length) {
      if (position > 0) pieces.push(piece.subarray(0, position));
      piece = takeMemory(spare, end - start);
      position = 0;
    }
    position += chunks[chunkOfRow[row] ?? 0]?.copy(piece, position, start, end) ?? 0;
  }
  if (position > 0) pieces.push(piece.subarray(0, position));
  return pieces;
}

function takeMemory(spare: Buffer[], bytesMin: number): Buffer {
  const last = spare.pop();
  if (last !== undefined && last.length >= bytesMin) return last;
  return Buffer.allocUnsafeSlow(Math.max(MEMORY_BYTES, bytesMin));
}

/** All the memory of which a piece is the filled part. */
function whole(piece: Buffer): Buffer {
  return Buffer.from(piece.buffer);
}
