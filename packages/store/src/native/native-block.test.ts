import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryRow } from '../arbitrary-row.ts';
import { exampleEvent, exampleRow } from '../example-row.ts';
import { appendRawRow, createRawBlock, nativeBlock, type RawBlock, rawBlockBytes } from '../raw-block.ts';
import { RAW_ROW_COLUMNS } from '../raw-events.ts';
import type { RawRow } from '../raw-row.ts';
import { RowBinaryReader } from '../row-binary-reader.ts';
import { NativeBlock } from './native-block.ts';
import { missingValue, NativeReader } from './native-reader.ts';
import { GROUP_ROWS } from './row-group.ts';

test('a block in columns says what its rows say, in their order', () => {
  fc.assert(
    fc.property(fc.array(arbitraryRow, { minLength: 1, maxLength: 40 }), (rows) => {
      const block = blockOf(rows);
      expect(readNative(block)).toEqual(readRows(block));
    }),
    { numRuns: 100 },
  );
});

test.each([GROUP_ROWS - 1, GROUP_ROWS, GROUP_ROWS + 1, 3 * GROUP_ROWS])('%i rows are whole', (count) => {
  const rows = Array.from({ length: count }, (_, index) =>
    exampleRow({
      event: exampleEvent({
        occurredAt: 5_000_000 - index,
        line: index,
        requestModel: `model-${index % 300}`,
        tags: index % 3 === 0 ? [] : [`tag-${index}`, 'x'],
        usageRaw: 'é'.repeat(index),
        attributes: index % 2 === 0 ? {} : { key: String(index) },
      }),
    }),
  );
  const block = blockOf(rows);
  expect(readNative(block)).toEqual(readRows(block));
});

test('names are numbered in one, two or four bytes, whichever holds them', () => {
  for (const count of [256, 257, 65_536, 65_537]) {
    const rows = Array.from({ length: count }, (_, index) => nameRow(`n${index}`));
    const native = new NativeBlock([column('name')]);
    for (const row of rows) native.add(row, 0);
    const bytes = Buffer.concat(native.finish().pieces);
    expect(new NativeReader(bytes).rows().map(({ name }) => name)).toEqual(
      rows.map((_, index) => `n${index}`),
    );
  }
});

test('names that share their place in the memory of recent ones stay apart', () => {
  const names = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 }), { maxLength: 400 });
  fc.assert(
    fc.property(names, (drawn) => {
      const native = new NativeBlock([column('name'), { ...column('end'), type: 'Int32' }]);
      for (const name of ['first', ...drawn]) native.add(nameRow(name), 0);
      const rows = new NativeReader(Buffer.concat(native.finish().pieces)).rows();
      expect(rows.map(({ name }) => name)).toEqual(['first', ...drawn]);
    }),
    { numRuns: 50 },
  );
});

test('only columns that say something are given, and those whose missing value ClickHouse chooses', () => {
  const { columns } = nativeBlock(blockOf([exampleRow({ event: exampleEvent({ tags: [], agent: null }) })]));
  const given = columns.map(({ name }) => name);
  expect(given).toEqual(expect.arrayContaining(['event_id', 'org_id', 'kind', 'charge']));
  for (const name of ['tags', 'agent', 'adjusts_event_id', 'quantities', 'booked_period']) {
    expect(given).not.toContain(name);
  }
});

test('a type that nobody writes is refused', () => {
  expect(() => new NativeBlock([{ ...column('x'), type: 'Float64' }])).toThrow(TypeError);
  expect(() => new NativeBlock([{ ...column('x'), type: 'Nullable(Bool)' }])).toThrow(TypeError);
});

function column(name: string) {
  return { name, type: 'LowCardinality(String)', codec: null, defaultExpression: null };
}

/** A row of one name and a number, which is 0. */
function nameRow(name: string): DataView {
  const bytes = new Uint8Array([name.length, ...Buffer.from(name), 0, 0, 0, 0, 0, 0, 0, 0]);
  return new DataView(bytes.buffer);
}

function blockOf(rows: readonly RawRow[]): RawBlock {
  const block = createRawBlock();
  for (const row of rows) appendRawRow(block, row);
  return block;
}

function readNative(block: RawBlock): Record<string, unknown>[] {
  const missing = Object.fromEntries(RAW_ROW_COLUMNS.map((each) => [each.name, missingValue(each)]));
  const bytes = Buffer.concat(nativeBlock(block).pieces);
  return new NativeReader(bytes).rows().map((row) => ({ ...missing, ...row }));
}

function readRows(block: RawBlock): Record<string, unknown>[] {
  const reader = new RowBinaryReader(rawBlockBytes(block));
  const rows: Record<string, unknown>[] = [];
  while (!reader.atEnd) rows.push(reader.row(RAW_ROW_COLUMNS));
  return rows;
}
