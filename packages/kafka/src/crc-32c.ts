/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4) of a part of `bytes`, as an unsigned 32-bit number: the checksum
 * of a Kafka record batch. `zlib.crc32` is another polynomial. Eight bytes a step, with tables made by
 * `crc32cTables` once for as long as the caller needs them.
 */
export function crc32c(bytes: Buffer, start: number, tables: Int32Array): number {
  let crc = -1;
  let position = start;
  const wholeEnd = start + ((bytes.length - start) & ~7);
  while (position < wholeEnd) {
    const low = crc ^ readWord(bytes, position);
    const high = readWord(bytes, position + 4);
    crc =
      at(tables, 1792 + (low & 0xff)) ^
      at(tables, 1536 + ((low >>> 8) & 0xff)) ^
      at(tables, 1280 + ((low >>> 16) & 0xff)) ^
      at(tables, 1024 + (low >>> 24)) ^
      at(tables, 768 + (high & 0xff)) ^
      at(tables, 512 + ((high >>> 8) & 0xff)) ^
      at(tables, 256 + ((high >>> 16) & 0xff)) ^
      at(tables, high >>> 24);
    position += 8;
  }
  for (; position < bytes.length; position++) {
    crc = at(tables, (crc ^ at(bytes, position)) & 0xff) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** Eight tables of 256 entries: table k holds the checksum of a byte followed by k zero bytes. 8 kB. */
export function crc32cTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 1 ? (crc >>> 1) ^ REVERSED_POLYNOMIAL : crc >>> 1;
    }
    tables[byte] = crc;
  }
  for (let entry = 256; entry < tables.length; entry++) {
    const shorter = at(tables, entry - 256);
    tables[entry] = at(tables, shorter & 0xff) ^ (shorter >>> 8);
  }
  return tables;
}

const REVERSED_POLYNOMIAL = 0x82f63b78;

function readWord(bytes: Buffer, position: number): number {
  return (
    at(bytes, position) |
    (at(bytes, position + 1) << 8) |
    (at(bytes, position + 2) << 16) |
    (at(bytes, position + 3) << 24)
  );
}

/** The loops above stay inside the arrays, which the compiler cannot see. */
function at(array: Int32Array | Buffer, index: number): number {
  return array[index] as number; // index < length
}
