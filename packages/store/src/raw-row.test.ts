import { uuidText } from '@meterstone/metering';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryRow } from './arbitrary-row.ts';
import { exampleEvent, exampleRating, exampleRow } from './example-row.ts';
import { expectedColumns } from './expected-columns.ts';
import { RAW_ROW_COLUMNS } from './raw-events.ts';
import { writeRawRow } from './raw-row.ts';
import { RowBinaryWriter } from './row-binary.ts';
import { RowBinaryReader } from './row-binary-reader.ts';

test('every fact of any row is read back from its column', () => {
  fc.assert(
    fc.property(fc.array(arbitraryRow, { minLength: 1, maxLength: 5 }), (rows) => {
      const writer = new RowBinaryWriter();
      for (const row of rows) writeRawRow(writer, row);
      const reader = new RowBinaryReader(writer.bytes.subarray(0, writer.position));
      for (const row of rows) expect(reader.row(RAW_ROW_COLUMNS)).toEqual(expectedColumns(row));
      expect(reader.atEnd).toBe(true);
    }),
  );
});

test('an operation named after its event is left out, and one that looks like it is not', () => {
  const eventId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
  const own = uuidText(eventId);
  const written = (operationId: string) => {
    const writer = new RowBinaryWriter();
    writeRawRow(writer, exampleRow({ event: exampleEvent({ eventId, operationId }) }));
    return new RowBinaryReader(writer.bytes.subarray(0, writer.position)).row(RAW_ROW_COLUMNS)[
      'operation_id'
    ];
  };
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
  expect(() => writeRawRow(new RowBinaryWriter(), row)).toThrowError(
    expect.objectContaining({ code: 'amount_out_of_range', retryable: false }),
  );
});

test('half a surrogate pair is written as the replacement character', () => {
  const writer = new RowBinaryWriter();
  writeRawRow(writer, exampleRow({ event: exampleEvent({ project: 'a\ud800b' }) }));
  const reader = new RowBinaryReader(writer.bytes.subarray(0, writer.position));
  expect(reader.row(RAW_ROW_COLUMNS)['project']).toBe('a\ufffdb');
});
