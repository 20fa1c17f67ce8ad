/** Digits after the point of every amount on Avro: the unit is the picodollar. */
export const AMOUNT_SCALE = 12;
/** Digits in all of an amount on Avro. */
export const AMOUNT_PRECISION = 38;

const AMOUNT_LIMIT = 10n ** BigInt(AMOUNT_PRECISION);
/** Bytes of the largest amount: 38 digits need 127 bits with their sign. */
const AMOUNT_BYTES_MAX = 16;

/**
 * An amount in picodollars as Avro writes a decimal: two's complement, big-endian, as few bytes as hold it (0 is one
 * zero byte). Throws a RangeError beyond 38 digits.
 */
export function toDecimalBytes(pico: bigint): Buffer {
  if (pico >= AMOUNT_LIMIT || pico <= -AMOUNT_LIMIT) {
    throw new RangeError(`an amount has at most ${AMOUNT_PRECISION} digits`);
  }
  const bytes: number[] = [];
  let rest = pico;
  // Stops when what is left is only the sign, and the last byte already shows that sign.
  do {
    bytes.push(Number(rest & 0xffn));
    rest >>= 8n;
  } while (!isSignOnly(rest, bytes[bytes.length - 1] ?? 0));
  return Buffer.from(bytes.reverse());
}

/**
 * The amount in picodollars; sign-extended forms are accepted. Throws a RangeError for no bytes at all (absent is a
 * null of the union, never an empty decimal) and beyond 38 digits.
 */
export function fromDecimalBytes(bytes: Uint8Array): bigint {
  if (bytes.length === 0 || bytes.length > AMOUNT_BYTES_MAX) {
    throw new RangeError(`a decimal has 1 to ${AMOUNT_BYTES_MAX} bytes, this one ${bytes.length}`);
  }
  let value = 0n;
  for (const byte of bytes) {
    value = (value << 8n) | BigInt(byte);
  }
  const pico = BigInt.asIntN(bytes.length * 8, value);
  if (pico >= AMOUNT_LIMIT || pico <= -AMOUNT_LIMIT) {
    throw new RangeError(`an amount has at most ${AMOUNT_PRECISION} digits`);
  }
  return pico;
}

function isSignOnly(rest: bigint, lastByte: number): boolean {
  return (rest === 0n && lastByte < 0x80) || (rest === -1n && lastByte >= 0x80);
}
