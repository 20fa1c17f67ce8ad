import { formatAmount, uuidText } from '@meterstone/metering';
import type { Column } from './column.ts';

/**
 * Reads one row by the types of a table's columns: the other half of the writer, written from ClickHouse's
 * description of RowBinary (clickhouse.com/docs/interfaces/formats/RowBinary, read 2026-11-24), for tests.
 */
export class RowBinaryReader {
  position = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.position === this.#bytes.length;
  }

  row(columns: readonly Column[]): Record<string, unknown> {
    return Object.fromEntries(columns.map((column) => [column.name, this.value(column.type)]));
  }

  value(type: string): unknown {
    if (type.startsWith('LowCardinality(')) return this.value(type.slice('LowCardinality('.length, -1));
    const inner = /^(Nullable|Array|Map)\((.*)\)$/.exec(type);
    if (inner?.[1] === 'Nullable') return this.#take(1)[0] === 1 ? null : this.value(inner[2] ?? '');
    if (inner?.[1] === 'Array')
      return Array.from({ length: this.#length() }, () => this.value(inner[2] ?? ''));
    if (inner?.[1] === 'Map') {
      const [key = '', value = ''] = (inner[2] ?? '').split(', ');
      return Object.fromEntries(
        Array.from({ length: this.#length() }, () => [this.value(key), this.value(value)]),
      );
    }
    return this.#scalar(type);
  }

  #scalar(type: string): unknown {
    if (type === 'String') return this.#take(this.#length()).toString('utf8');
    if (type === 'Bool') return this.#take(1)[0] === 1;
    if (type.startsWith('Enum8')) return this.#enumName(type, this.#take(1)[0] ?? 0);
    if (type === 'FixedString(16)') return this.#take(16).toString('hex');
    if (type === 'UUID') return this.#uuid();
    if (type.startsWith('Decimal')) return formatAmount(this.#int128());
    if (type === 'Int32') return String(this.#take(4).readInt32LE());
    if (type === 'UInt32') return String(this.#take(4).readUInt32LE());
    if (type === 'UInt64') return String(this.#take(8).readBigUInt64LE());
    return String(this.#take(8).readBigInt64LE());
  }

  #enumName(type: string, code: number): string {
    return new RegExp(`'(\\w+)' = ${code}[,)]`).exec(type)?.[1] ?? `no name for ${code}`;
  }

  #uuid(): string {
    const words = this.#take(16);
    return uuidText(
      Buffer.concat([Buffer.from(words.subarray(0, 8)).reverse(), Buffer.from(words.subarray(8)).reverse()]),
    );
  }

  #int128(): bigint {
    const bytes = this.#take(16);
    return (bytes.readBigInt64LE(8) << 64n) | bytes.readBigUInt64LE(0);
  }

  #length(): number {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#take(1)[0] ?? 0;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return length;
    }
  }

  #take(count: number): Buffer {
    const from = this.position;
    this.position += count;
    if (this.position > this.#bytes.length) throw new RangeError('the bytes end within a value');
    return this.#bytes.subarray(from, this.position);
  }
}
