import { EventDecodeError } from './errors.ts';

/** Bytes before the Avro payload in single-object encoding: C3 01 and the fingerprint, little-endian. */
export const SINGLE_OBJECT_HEADER_BYTES = 10;
/** Bytes before the Avro payload in Confluent's wire format: 00 and the schema id, big-endian. */
const CONFLUENT_HEADER_BYTES = 5;

/**
 * What stands before the payload: which writer schema, and where the payload begins. A fingerprint comes as two
 * unsigned 32-bit halves, so that comparing one costs no BigInt.
 */
export type Frame =
  | { readonly kind: 'single_object'; readonly low: number; readonly high: number; readonly start: number }
  | { readonly kind: 'confluent'; readonly schemaId: number; readonly start: number };

/** Reads either framing. Throws {@link EventDecodeError} `undecodable` where there is none. */
export function readFrame(bytes: Buffer): Frame {
  if (bytes.length >= SINGLE_OBJECT_HEADER_BYTES && bytes[0] === 0xc3 && bytes[1] === 0x01) {
    return {
      kind: 'single_object',
      low: bytes.readUInt32LE(2),
      high: bytes.readUInt32LE(6),
      start: SINGLE_OBJECT_HEADER_BYTES,
    };
  }
  if (bytes.length >= CONFLUENT_HEADER_BYTES && bytes[0] === 0x00) {
    return { kind: 'confluent', schemaId: bytes.readUInt32BE(1), start: CONFLUENT_HEADER_BYTES };
  }
  throw new EventDecodeError(
    'undecodable',
    'the record has neither Avro single-object nor Confluent framing',
  );
}

/** The ten bytes that precede every payload of the schema with this fingerprint. */
export function singleObjectHeader(fingerprint: bigint): Buffer {
  const header = Buffer.alloc(SINGLE_OBJECT_HEADER_BYTES);
  header[0] = 0xc3;
  header[1] = 0x01;
  header.writeBigUInt64LE(fingerprint, 2);
  return header;
}
