import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryRow } from '../arbitrary-row.ts';
import { exampleEvent, exampleRow } from '../example-row.ts';
import { appendRawRow, createRawBlock, nativeBlock, type RawBlock } from '../raw-block.ts';
import { rawBlockBytes } from '../raw-block-bytes.ts';
import { RAW_ROW_COLUMNS } from '../raw-events.ts';
import type { RawRow } from '../raw-row.ts';
import { RowBinaryReader } from '../row-binary-reader.ts';
import { layoutOf } from '../row-layout.ts';
import { RowTexts } from '../shared-texts.ts';
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
    const names = Array.from({ length: count }, (_, index) => `n${index}`);
    expect(throughNative(names)).toEqual(names);
  }
});

test('names that share their place in the memory of recent ones stay apart', () => {
  const names = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 }), { maxLength: 400 });
  fc.assert(
    fc.property(names, (drawn) => {
      const all = ['first', ...drawn];
      expect(throughNative(all)).toEqual(all);
      const rows = all.map((tag) => exampleRow({ event: exampleEvent({ tags: [tag, 'x'] }) }));
      const block = blockOf(rows);
      expect(readNative(block)).toEqual(readRows(block));
    }),
    { numRuns: 50 },
  );
});

test('a block says the same whatever its texts were numbered before', () => {
  fc.assert(
    fc.property(fc.array(arbitraryRow, { maxLength: 20 }), fc.array(arbitraryRow), (rows, earlier) => {
      const texts = new RowTexts();
      const before = createRawBlock({ texts });
      for (const row of earlier) appendRawRow(before, row);
      nativeBlock(before);
      const block = createRawBlock({ texts, spent: before });
      for (const row of rows) appendRawRow(block, row);
      expect(nativeBlock(block)).toEqual(nativeBlock(blockOf(rows)));
    }),
    { numRuns: 60 },
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

test.each([
  ['Float64', {}],
  ['Nullable(String)', {}],
  ['LowCardinality(String)', {}],
  ['Array(LowCardinality(String))', { who: ['x'] }],
])('a column of type %s is refused where nobody writes one', (type, groups) => {
  expect(() => new NativeBlock(layoutOf([column('x', type)], groups), new RowTexts())).toThrow(TypeError);
});

function column(name: string, type: string) {
  return { name, type, codec: null, defaultExpression: null };
}

/** Names as rows have them that share one text. */
function throughNative(names: readonly string[]): unknown[] {
  const texts = new RowTexts();
  const layout = layoutOf([column('name', 'LowCardinality(String)')], { who: ['name'] });
  const native = new NativeBlock(layout, texts);
  for (const name of names) {
    const row = Buffer.alloc(4);
    row.writeInt32LE(texts.who.numberOf([name, null, null]));
    native.add(row, 0, row.length);
  }
  return new NativeReader(Buffer.concat(native.finish().pieces)).rows().map((row) => row['name']);
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
