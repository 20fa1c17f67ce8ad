import { uuidText } from '@meterstone/metering';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryRow } from './arbitrary-row.ts';
import { exampleEvent, exampleRating, exampleRow } from './example-row.ts';
import { expectedColumns } from './expected-columns.ts';
import { appendRawRow, createRawBlock } from './raw-block.ts';
import { rawBlockBytes } from './raw-block-bytes.ts';
import { RAW_ROW_COLUMNS } from './raw-events.ts';
import { type RawRow, writeRawRow } from './raw-row.ts';
import { RowBinaryWriter } from './row-binary.ts';
import { RowBinaryReader } from './row-binary-reader.ts';
import { RowTexts } from './shared-texts.ts';

test('every fact of any row is read back from its column', () => {
  fc.assert(
    fc.property(fc.array(arbitraryRow, { minLength: 1, maxLength: 5 }), (rows) => {
      for (const row of rows) expect(readBack(row)).toEqual(expectedColumns(row));
    }),
  );
});

test('an operation named after its event is left out, and one that looks like it is not', () => {
  const eventId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
  const own = uuidText(eventId);
  const written = (operationId: string) =>
    readBack(exampleRow({ event: exampleEvent({ eventId, operationId }) }))['operation_id'];
  expect(written(own)).toBe('');
  for (const other of [own.toUpperCase(), own.replace('-', 'a'), own.slice(1), `${own.slice(0, -1)}0`, '']) {
    expect(written(other)).toBe(other);
  }
});

test('the columns are the keys of the event, of the rating and of the coordinates, and no more', () => {
  const expected = Object.keys(expectedColumns(exampleRow())).sort();
  expect(RAW_ROW_COLUMNS.map((column) => column.name).sort()).toEqual(expected);
});

test.each([
  ['a rated amount of 1e17 USD', exampleRow({ rating: exampleRating({ marketCost: 10n ** 29n }) })],
  ['one below that in credit', exampleRow({ rating: exampleRating({ charge: -(10n ** 29n) }) })],
  ['a reported cost of 39 digits', exampleRow({ event: exampleEvent({ providerReportedCost: 10n ** 38n }) })],
])('%s is refused', (_, row) => {
  expect(() => writeRawRow(new RowBinaryWriter(), row, new RowTexts())).toThrowError(
    expect.objectContaining({ code: 'amount_out_of_range', retryable: false }),
  );
});

test('half a surrogate pair is written as the replacement character', () => {
  for (const name of ['project', 'agent']) {
    const row = exampleRow({ event: exampleEvent({ [name]: 'a\ud800b' }) });
    expect(readBack(row)[name]).toBe('a\ufffdb');
  }
});

test('texts that rows share are kept once', () => {
  const texts = new RowTexts();
  const block = createRawBlock({ texts });
  const rows = [1, 2, 3].map((line) =>
    exampleRow({ event: exampleEvent({ line, project: `p${line % 2}` }) }),
  );
  for (const row of rows) appendRawRow(block, row);
  expect([texts.who.size, texts.what.size, texts.rating.size]).toEqual([2, 1, 1]);
});

function readBack(row: RawRow): Record<string, unknown> {
  const block = createRawBlock();
  appendRawRow(block, row);
  const reader = new RowBinaryReader(rawBlockBytes(block));
  const columns = reader.row(RAW_ROW_COLUMNS);
  expect(reader.atEnd).toBe(true);
  return columns;
}
