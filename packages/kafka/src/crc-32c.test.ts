import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c, crc32cTables } from './crc-32c.ts';

const tables = crc32cTables();

/** Bit by bit, straight from the definition: the oracle. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe('crc32c', () => {
  // RFC 3720 B.4, and the check value of the catalogue of CRC algorithms for "123456789".
  it.each([
    ['nothing', Buffer.alloc(0), 0],
    ['the check string', Buffer.from('123456789'), 0xe3069283],
    ['32 bytes of zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 rising bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['32 falling bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  ])('knows the published checksum of %s', (_name, bytes, expected) => {
    expect(crc32c(bytes, 0, tables)).toBe(expected);
  });

  it('equals the definition for any bytes from any start', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat({ max: 20 }), (bytes, offset) => {
        const start = Math.min(offset, bytes.length);
        expect(crc32c(Buffer.from(bytes), start, tables)).toBe(bitwise(bytes.subarray(start)));
      }),
    );
  });
});
