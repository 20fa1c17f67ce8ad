/**
 * The 64-bit Rabin fingerprint of the Avro specification ("Schema Fingerprints", CRC-64-AVRO), of any bytes. Unsigned.
 * avsc offers only the algorithms of `node:crypto`. Slow (BigInt per byte): meant for a schema at start-up.
 */
export function crc64Avro(bytes: Uint8Array): bigint {
  let fingerprint = EMPTY;
  for (const byte of bytes) {
    fingerprint = (fingerprint >> 8n) ^ (TABLE[Number((fingerprint ^ BigInt(byte)) & 0xffn)] ?? 0n);
  }
  return fingerprint;
}

/** The fingerprint of no bytes, and the reduction polynomial at once. */
const EMPTY = 0xc15d213aa4d7a795n;

const TABLE: readonly bigint[] = Array.from({ length: 256 }, (_, index) => {
  let entry = BigInt(index);
  for (let bit = 0; bit < 8; bit++) {
    entry = (entry >> 1n) ^ ((entry & 1n) === 1n ? EMPTY : 0n);
  }
  return entry;
});
