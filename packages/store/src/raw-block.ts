import { BlockOrder, type OrderKey } from './block-order.ts';
import { StoreError } from './errors.ts';
import { NativeBlock, type NativeBytes } from './native/native-block.ts';
import { type RawRow, writeRawRow } from './raw-row.ts';
import { RAW_ROW_LAYOUT } from './raw-row-layout.ts';
import { RowBinaryWriter } from './row-binary.ts';
import { RowTexts } from './shared-texts.ts';

/**
 * Rows of one insert. Bounded, so that ClickHouse keeps an insert in one block (its own bound is 1,048,449 rows):
 * a block is what a deduplication token stands for.
 */
export const RAW_BLOCK_ROWS_MAX = 1_000_000;

/** Bytes of one buffer. One that grows to hold the whole block is copied again and again. */
const MEMORY_BYTES = 1_048_576;
const FIRST_CAPACITY_ROWS = 1024;
const PLACE_WORDS = 3;
const NO_BYTES: Buffer = Buffer.alloc(0);
/** A chunk with less room is not begun another row in; a longer row grows its chunk. */
const ROW_ROOM_BYTES = 65_536;

/** The sorting key of a row that was written. */
export interface RowKey {
  /** The org's number in the block, from {@link rawBlockOrg}. */
  readonly org: number;
  /** Where in the writer's buffer the 16 bytes of its user key stand. */
  readonly userKeyAt: number;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
}

/** Rows of `raw_events` in the making. What it becomes depends on its rows and their order of arrival alone. */
export interface RawBlock {
  /** Writes into the last of `chunks`. */
  readonly writer: RowBinaryWriter;
  readonly chunks: Buffer[];
  /** For each row its chunk, and where it starts and ends in it. */
  places: Int32Array;
  /** Those of which the rows have numbers. */
  readonly texts: RowTexts;
  readonly order: BlockOrder;
  /** The rows in order, once they were asked for; out of date when a row came after. */
  built: { readonly rowCount: number; readonly bytes: NativeBytes } | null;
  /** Builds it. */
  native: NativeBlock;
  /** Memory of an earlier block, to be used before any new. */
  readonly spare: Buffer[];
}

/** What a block is begun with. */
export interface RawBlockGround {
  /** Where texts of its rows go; of its own unless given. */
  readonly texts?: RowTexts;
  /**
   * A block that is no longer needed (nothing that came of it may be read any more): its memory is used again, for fresh
   * memory costs a third of all that building a block costs.
   */
  readonly spent?: RawBlock | undefined;
}

/** A block without rows. */
export function createRawBlock({ texts = new RowTexts(), spent }: RawBlockGround = {}): RawBlock {
  spent?.native.clear(texts);
  return {
    writer: new RowBinaryWriter(NO_BYTES),
    chunks: [],
    places: spent?.places ?? new Int32Array(FIRST_CAPACITY_ROWS * PLACE_WORDS),
    texts,
    order: new BlockOrder(),
    built: null,
    native: spent?.native ?? new NativeBlock(RAW_ROW_LAYOUT, texts),
    spare: spent === undefined ? [] : [...spent.spare, ...spent.chunks],
  };
}

/** The number of an org in the block, for its rows' keys. */
export function rawBlockOrg(block: RawBlock, orgId: string): number {
  return block.order.orgNumber(orgId);
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
  const { event, userKey } = row;
  const { chunks } = block;
  const writer = beginRawRow(block);
  const start = writer.position;
  try {
    writeRawRow(writer, row, block.texts);
  } catch (error) {
    writer.position = start;
    throw error;
  } finally {
    // A row longer than the room has moved the writer to a longer buffer.
    chunks[chunks.length - 1] = writer.bytes;
  }
  const { position } = writer;
  writer.position = start;
  const org = rawBlockOrg(block, event.orgId);
  addRow(block, position, { org, occurredAt: event.occurredAt, bytes: userKey, userKeyAt: 0 });
}

/**
 * Where the bytes of the next row go: to the writer's buffer at its position, with room for `ROW_ROOM_BYTES`. Nothing is
 * added until `endRawRow`, so what is written there may be given up. Throws `block_full` at `RAW_BLOCK_ROWS_MAX` rows.
 */
export function beginRawRow({ writer, chunks, spare, order }: RawBlock): RowBinaryWriter {
  if (order.rowCount >= RAW_BLOCK_ROWS_MAX) {
    throw new StoreError('block_full', `a block holds at most ${RAW_BLOCK_ROWS_MAX} rows`, {
      retryable: false,
    });
  }
  if (chunks.length === 0 || writer.bytes.length - writer.position < ROW_ROOM_BYTES) {
    writer.moveTo(takeMemory(spare, ROW_ROOM_BYTES));
    chunks.push(writer.bytes);
  }
  return writer;
}

/** Adds the row that was written from the writer's position to `end`, in `RAW_ROW_LAYOUT`, under its sorting key. */
export function endRawRow(block: RawBlock, end: number, { org, userKeyAt, occurredAt }: RowKey): void {
  addRow(block, end, { org, occurredAt, bytes: block.writer.bytes, userKeyAt });
}

/**
 * The block as it is sent, in the Native format, rows in the order of the table's key. The same rows always give the same
 * bytes, and asked again, the same pieces: an insert that is given up may still be reading them.
 */
export function nativeBlock(block: RawBlock): NativeBytes {
  const { rowCount } = block.order;
  if (block.built?.rowCount !== rowCount) {
    if (block.built !== null) block.native = new NativeBlock(RAW_ROW_LAYOUT, block.texts);
    block.built = { rowCount, bytes: build(block) };
  }
  return block.built.bytes;
}

/** Shows the block's rows in the order of the table's key: the memory in which each stands, from `start` to `end`. */
export function eachRawRow(
  { chunks, places, order }: RawBlock,
  show: (memory: Buffer, start: number, end: number) => void,
): void {
  for (const row of order.sorted()) {
    const at = row * PLACE_WORDS;
    show(chunks[places[at] ?? 0] ?? NO_BYTES, places[at + 1] ?? 0, places[at + 2] ?? 0);
  }
}

function addRow(block: RawBlock, end: number, key: OrderKey): void {
  const { writer, chunks, order } = block;
  const at = order.rowCount * PLACE_WORDS;
  if (at === block.places.length) {
    const larger = new Int32Array(at * 2);
    larger.set(block.places);
    block.places = larger;
  }
  const { places } = block;
  places[at] = chunks.length - 1;
  places[at + 1] = writer.position;
  places[at + 2] = end;
  order.add(key);
  writer.position = end;
}

function build(block: RawBlock): NativeBytes {
  const { native } = block;
  eachRawRow(block, (memory, start, end) => native.add(memory, start, end));
  return native.finish();
}

function takeMemory(spare: Buffer[], bytesMin: number): Buffer {
  const last = spare.pop();
  if (last !== undefined && last.length >= bytesMin) return last;
  return Buffer.allocUnsafeSlow(Math.max(MEMORY_BYTES, bytesMin));
}
