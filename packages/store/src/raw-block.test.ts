import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryRow } from './arbitrary-row.ts';
import { exampleEvent, exampleRating, exampleRow } from './example-row.ts';
import { expectedColumns } from './expected-columns.ts';
import { appendRawRow, createRawBlock, nativeBlock, type RawBlock, rawBlockRowCount } from './raw-block.ts';
import { rawBlockBytes } from './raw-block-bytes.ts';
import { RAW_ROW_COLUMNS } from './raw-events.ts';
import type { RawRow } from './raw-row.ts';
import { RowBinaryReader } from './row-binary-reader.ts';

test('a block holds its rows in the order of the key', () => {
  const at = (orgId: string, user: number, occurredAt: number) =>
    exampleRow({ event: exampleEvent({ orgId, occurredAt }), userKey: new Uint8Array(16).fill(user) });
  const block = blockOf([at('b', 1, 5), at('a', 2, 9), at('a', 1, 7), at('a', 1, 6)]);
  const orgsAndTimes = readBlock(block).map((row) => [row['org_id'], row['occurred_at']]);
  expect(orgsAndTimes).toEqual([
    ['a', '6'],
    ['a', '7'],
    ['a', '9'],
    ['b', '5'],
  ]);
});

test('the same rows give the same bytes, and every row is in them', () => {
  fc.assert(
    fc.property(fc.array(arbitraryRow, { maxLength: 8 }), (rows) => {
      const block = blockOf(rows);
      expect(rawBlockBytes(block).equals(rawBlockBytes(blockOf(rows)))).toBe(true);
      expect(rawBlockRowCount(block)).toBe(rows.length);
      const byOffset = (a: Record<string, unknown>, b: Record<string, unknown>) =>
        JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
      const written = readBlock(block).sort(byOffset);
      const reordered = rows.map((row) => inColumnOrder(expectedColumns(row))).sort(byOffset);
      expect(written).toEqual(reordered);
    }),
    { numRuns: 50 },
  );
});

test('a block is its rows, each written by itself, in order and one after another', () => {
  const row = fc
    .tuple(arbitraryRow, fc.constantFrom(null, 'a', 'b'), fc.nat(3))
    .map(([any, orgId, time]) =>
      orgId === null
        ? any
        : { ...any, event: { ...any.event, orgId, occurredAt: time }, userKey: new Uint8Array(16) },
    );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 30 }), (rows) => {
      const written = rows.map((each) => ({ each, bytes: rawBlockBytes(blockOf([each])) }));
      // Sorting is stable: rows equal in all three stay in order of arrival.
      written.sort(({ each: a }, { each: b }) => compareKeys(a, b));
      expect(rawBlockBytes(blockOf(rows)).equals(Buffer.concat(written.map(({ bytes }) => bytes)))).toBe(
        true,
      );
    }),
    { numRuns: 60 },
  );
});

test('rows longer than the memory that is taken at a time are whole', () => {
  const usageRaw = 'é'.repeat(900_000);
  const rows = [1, 2, 3].map((occurredAt) => exampleRow({ event: exampleEvent({ occurredAt, usageRaw }) }));
  const block = blockOf(rows);
  expect(readBlock(block).map((row) => row['usage_raw'] === usageRaw)).toEqual([true, true, true]);
});

test('a block may take over the memory of another, and gives the same pieces when asked again', () => {
  const rows = Array.from({ length: 3000 }, (_, i) =>
    exampleRow({ event: exampleEvent({ occurredAt: 9000 - i }) }),
  );
  const spent = blockOf(rows);
  const bytes = Buffer.concat(nativeBlock(spent).pieces);
  const block = createRawBlock({ spent });
  for (const row of rows) appendRawRow(block, row);
  const native = nativeBlock(block);
  expect(Buffer.concat(native.pieces).equals(bytes)).toBe(true);
  expect(nativeBlock(block)).toBe(native);
  appendRawRow(block, exampleRow());
  expect(readBlock(block)).toHaveLength(3001);
  expect(nativeBlock(block).pieces).not.toEqual(native.pieces);
  expect(Buffer.concat(native.pieces).equals(bytes)).toBe(true);
});

test('a block without rows has no bytes', () => {
  expect(nativeBlock(createRawBlock())).toEqual({ columns: [], pieces: [] });
});

test('a row that cannot be written leaves the block as it was', () => {
  const block = blockOf([exampleRow()]);
  const before = rawBlockBytes(block);
  const tooLarge = exampleRow({ rating: exampleRating({ charge: -(10n ** 38n) }) });
  expect(() => appendRawRow(block, tooLarge)).toThrowError(
    expect.objectContaining({ code: 'amount_out_of_range' }),
  );
  expect(rawBlockRowCount(block)).toBe(1);
  expect(rawBlockBytes(block).equals(before)).toBe(true);
});

function blockOf(rows: readonly RawRow[]): RawBlock {
  const block = createRawBlock();
  for (const row of rows) appendRawRow(block, row);
  return block;
}

function compareKeys(a: RawRow, b: RawRow): number {
  return (
    Buffer.compare(Buffer.from(a.event.orgId), Buffer.from(b.event.orgId)) ||
    Buffer.compare(a.userKey, b.userKey) ||
    a.event.occurredAt - b.event.occurredAt
  );
}

function readBlock(block: RawBlock): Record<string, unknown>[] {
  const reader = new RowBinaryReader(rawBlockBytes(block));
  const rows: Record<string, unknown>[] = [];
  while (!reader.atEnd) rows.push(reader.row(RAW_ROW_COLUMNS));
  return rows;
}

function inColumnOrder(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(RAW_ROW_COLUMNS.map(({ name }) => [name, row[name]]));
}
