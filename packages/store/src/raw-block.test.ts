import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryRow } from './arbitrary-row.ts';
import { exampleEvent, exampleRating, exampleRow } from './example-row.ts';
import { expectedColumns } from './expected-columns.ts';
import { appendRawRow, createRawBlock, type RawBlock, rawBlockBytes, rawBlockRowCount } from './raw-block.ts';
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

function readBlock(block: RawBlock): Record<string, unknown>[] {
  const reader = new RowBinaryReader(rawBlockBytes(block));
  const rows: Record<string, unknown>[] = [];
  while (!reader.atEnd) rows.push(reader.row(RAW_ROW_COLUMNS));
  return rows;
}

function inColumnOrder(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(RAW_ROW_COLUMNS.map(({ name }) => [name, row[name]]));
}
