import type { Column } from '../column.ts';
import { RowBinaryReader } from '../row-binary-reader.ts';

const WORD_BYTES = 8;

/**
 * Reads a block in the Native format: the other half of `NativeBlock`, written from ClickHouse's description of the format
 * (clickhouse.com/docs/interfaces/formats/Native, read 2026-11-24), for tests. A value is what `RowBinaryReader` gives.
 */
export class NativeReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Rows with the columns that were given. */
  rows(): Record<string, unknown>[] {
    const columnCount = this.#length();
    const rowCount = this.#length();
    const columns = Array.from({ length: columnCount }, () => {
      const [name, type] = [this.#text(), this.#text()];
      return { name, values: this.#column(type, rowCount) };
    });
    if (this.#position !== this.#bytes.length) throw new RangeError('there are bytes behind the block');
    return Array.from({ length: rowCount }, (_, row) =>
      Object.fromEntries(columns.map(({ name, values }) => [name, values[row]])),
    );
  }

  #column(type: string, count: number): unknown[] {
    if (type === 'LowCardinality(String)') {
      this.#version();
      return this.#names(count);
    }
    if (type === 'Array(LowCardinality(String))') {
      this.#version();
      const ends = this.#words(count);
      const names = this.#names(ends.at(-1) ?? 0);
      return ends.map((end, row) => names.slice(ends[row - 1] ?? 0, end));
    }
    const map = /^Map\((.*), (.*)\)$/.exec(type);
    if (map !== null) {
      const ends = this.#words(count);
      const keys = this.#values(map[1] ?? '', ends.at(-1) ?? 0);
      const values = this.#values(map[2] ?? '', ends.at(-1) ?? 0);
      const pairs = keys.map((key, index) => [key, values[index]]);
      return ends.map((end, row) => Object.fromEntries(pairs.slice(ends[row - 1] ?? 0, end)));
    }
    const inner = /^Nullable\((.*)\)$/.exec(type)?.[1];
    if (inner !== undefined) {
      const nulls = Array.from({ length: count }, () => this.#bytes[this.#position++] === 1);
      return this.#values(inner, count).map((value, row) => (nulls[row] === true ? null : value));
    }
    return this.#values(type, count);
  }

  #values(type: string, count: number): unknown[] {
    const reader = new RowBinaryReader(this.#bytes.subarray(this.#position));
    const values = Array.from({ length: count }, () => reader.value(type));
    this.#position += reader.position;
    return values;
  }

  #version(): void {
    if (this.#word() !== 1) throw new RangeError('names have another version');
  }

  #names(count: number): unknown[] {
    if (count === 0) return [];
    const flags = this.#word();
    if (flags >>> 8 !== 6) throw new RangeError(`names with flags ${flags}`);
    const names = this.#values('String', this.#word());
    if (this.#word() !== count) throw new RangeError('names are not as many as values');
    const width = 2 ** (flags & 0xff);
    return Array.from({ length: count }, () => {
      const number = this.#bytes.readUIntLE(this.#position, width);
      this.#position += width;
      return names[number];
    });
  }

  #words(count: number): number[] {
    return Array.from({ length: count }, () => this.#word());
  }

  #word(): number {
    this.#position += WORD_BYTES;
    return Number(this.#bytes.readBigUInt64LE(this.#position - WORD_BYTES));
  }

  #text(): string {
    const length = this.#length();
    this.#position += length;
    return this.#bytes.toString('utf8', this.#position - length, this.#position);
  }

  #length(): number {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#position++] ?? 0;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return length;
    }
  }
}

/** What ClickHouse puts where a column is not given, as the readers give it. */
export function missingValue({ type }: Column): unknown {
  if (type.startsWith('Nullable(')) return null;
  if (type.startsWith('Array(')) return [];
  if (type.startsWith('Map(')) return {};
  if (type === 'Bool') return false;
  if (type === 'UUID') return '00000000-0000-0000-0000-000000000000';
  if (type === 'FixedString(16)') return '0'.repeat(32);
  return /^U?Int|^DateTime64/.test(type) ? '0' : '';
}
