import { lengthBytes, readLength } from './native/row-group.ts';
import { eachRawRow, type RawBlock } from './raw-block.ts';
import { RAW_HEAD_BYTES, RAW_ROW_LAYOUT } from './raw-row-layout.ts';
import type { ColumnPlace } from './row-layout.ts';
import type { RowTexts } from './shared-texts.ts';

/** What a block holds, in RowBinary: every column of every row, in the order of the table's key. */
export function rawBlockBytes(block: RawBlock): Buffer {
  const values: Buffer[] = [];
  eachRawRow(block, ({ buffer, byteOffset, byteLength }, start) => {
    const memory = new DataView(buffer, byteOffset, byteLength);
    pushRow(values, { memory, start, texts: block.texts });
  });
  return Buffer.concat(values);
}

interface RowPlace {
  readonly memory: DataView;
  readonly start: number;
  readonly texts: RowTexts;
}

function pushRow(values: Buffer[], row: RowPlace): void {
  const { memory, start } = row;
  let tail = start + RAW_HEAD_BYTES;
  for (const { column, place } of RAW_ROW_LAYOUT.columns) {
    if (place.kind === 'tail') {
      const end = valueEnd(memory, tail, column.type);
      values.push(bytesOf(memory, tail, end));
      tail = end;
    } else {
      values.push(headValue(row, place));
    }
  }
}

function headValue(
  { memory, start, texts }: RowPlace,
  place: Exclude<ColumnPlace, { kind: 'tail' }>,
): Buffer {
  const at = start + place.at;
  if (place.kind === 'fixed') return bytesOf(memory, at, at + place.width);
  if (place.kind === 'nullable')
    return bytesOf(memory, at, at + (memory.getUint8(at) === 1 ? 1 : 1 + place.width));
  const { view, starts, fields } = texts[place.group];
  const entry = memory.getInt32(at, true) * fields + place.field;
  return bytesOf(view, starts[entry] ?? 0, starts[entry + 1] ?? 0);
}

/** Where a value ends that begins at `at`: a text, or what is made of texts and words. */
function valueEnd(memory: DataView, at: number, type: string): number {
  const length = readLength(memory, at);
  let end = at + lengthBytes(length);
  if (type === 'String') return end + length;
  for (let index = 0; index < length; index += 1) {
    end = valueEnd(memory, end, 'String');
    if (type === 'Map(String, String)') end = valueEnd(memory, end, 'String');
    if (type === 'Map(String, Int64)') end += WORD_BYTES;
  }
  return end;
}

const WORD_BYTES = 8;

function bytesOf({ buffer, byteOffset }: DataView, start: number, end: number): Buffer {
  return Buffer.from(buffer, byteOffset + start, end - start);
}
