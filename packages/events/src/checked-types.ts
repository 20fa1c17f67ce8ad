import avro from 'avsc';

/** The reading half of avsc 5.7.9's cursor; not in its typings, so the version is pinned. */
interface Tap {
  readonly buf: Buffer;
  readonly pos: number;
  readInt(): number;
  readLong(): number;
  skipLong(): void;
  readString(): string;
}

/** The writing half. */
interface WriteTap {
  writeLong(value: number): void;
}

interface Reader {
  _read(tap: Tap): unknown;
}

/** avsc 5.7.9 checks ints when it writes, not when it reads: a varint over 32 bits would pass as a number. */
export class StrictIntType extends avro.types.IntType {
  _read(tap: Tap): number {
    const value = tap.readInt();
    if (value !== (value | 0)) {
      throw new RangeError('an int has 32 bits');
    }
    return value;
  }
}

/**
 * Integers of 53 bits: −2^52 … 2^52 − 1. avsc 5.7.9 doubles a long as a float, so below −2^52 it writes the wrong number
 * (−2^52 − 1 comes back as +2^52) and reads others' wrongly; beyond the limit there is an error instead.
 */
export class ExactLongType extends avro.types.LongType {
  _read(tap: Tap): number {
    const value = tap.readLong();
    if (!isExactLong(value)) {
      throw new RangeError('a long beyond 53 bits');
    }
    return value;
  }

  _check(value: unknown): boolean {
    return isExactLong(value);
  }

  _write(tap: WriteTap, value: unknown): void {
    if (!isExactLong(value)) {
      throw new RangeError('not an integer of 53 bits');
    }
    tap.writeLong(value);
  }
}

/** avsc 5.7.9 allocates and loops by the count it reads, so ten hostile bytes would cost gigabytes. */
export class BoundedArrayType extends avro.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const items = this.itemsType as unknown as Reader; // `_read` is not in avsc's typings.
    const values: unknown[] = [];
    for (let count = readBlockCount(tap, 1); count > 0; count = readBlockCount(tap, 1)) {
      for (let index = 0; index < count; index++) {
        values.push(items._read(tap));
      }
    }
    return values;
  }
}

/** As {@link BoundedArrayType}; besides, no key is special. */
export class BoundedMapType extends avro.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const items = this.valuesType as unknown as Reader; // `_read` is not in avsc's typings.
    const values: Record<string, unknown> = {};
    for (let count = readBlockCount(tap, 2); count > 0; count = readBlockCount(tap, 2)) {
      for (let index = 0; index < count; index++) {
        const key = tap.readString();
        setOwn(values, key, items._read(tap));
      }
    }
    return values;
  }
}

/** The entries of the next block, 0 at the end; each entry takes at least `entryBytesMin` of what is left. */
function readBlockCount(tap: Tap, entryBytesMin: number): number {
  const signed = tap.readLong();
  if (signed < 0) {
    tap.skipLong(); // The block's size in bytes, which only a skipping reader needs.
  }
  const count = Math.abs(signed);
  if (count * entryBytesMin > Math.max(0, tap.buf.length - tap.pos)) {
    throw new RangeError('a block claims more entries than bytes are left');
  }
  return count;
}

/** `__proto__` is a key like any other here; a plain assignment would drop it. */
function setOwn(values: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true });
    return;
  }
  values[key] = value;
}

function isExactLong(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= -(2 ** 52) && Number(value) < 2 ** 52;
}
