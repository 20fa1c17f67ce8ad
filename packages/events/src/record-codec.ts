import type avro from 'avsc';
import { type AvroSchema, canonicalForm } from './avro-schema.ts';
import { createAvroType } from './avro-type.ts';
import { crc64Avro } from './crc-64-avro.ts';
import { EventDecodeError, EventEncodeError } from './errors.ts';
import { type Frame, readFrame, SINGLE_OBJECT_HEADER_BYTES, singleObjectHeader } from './framing.ts';
import type { SchemaVersion } from './schema-files.ts';

/** Writes with the newest version of a schema, reads every version into the newest's shape. */
export interface RecordCodec<Value> {
  /**
   * Writes header and payload into `slab` at `position`. Returns the next position; negative when it did not fit, and
   * then what stands behind `position` is undefined. Throws {@link EventEncodeError}.
   */
  encodeInto(value: Value, slab: Buffer, position: number): number;
  /** As above, into bytes of its own. */
  encode(value: Value): Buffer;
  /** Throws {@link EventDecodeError} and nothing else. */
  decode(bytes: Uint8Array, schemaIds?: SchemaIds): Value;
  /** How a schema from outside is read by this codec. Throws an Error where the two are incompatible. */
  resolveWriter(schema: AvroSchema): WriterSchema;
}

/** How records of one writer schema are read; opaque, made by {@link RecordCodec.resolveWriter}. */
interface WriterSchema {
  readonly resolver: ReturnType<avro.Type['createResolver']> | undefined;
}

/** Confluent schema id → writer schema, as the registry named them. */
export type SchemaIds = ReadonlyMap<number, WriterSchema>;

/** The codec over all versions of one schema, oldest first. Everything is compiled here, nothing at the first record. */
export function createRecordCodec<Value>(versions: readonly SchemaVersion[]): RecordCodec<Value> {
  const newest = versions.at(-1);
  if (newest === undefined) {
    throw new Error('a codec needs a schema');
  }
  const type = createAvroType(newest.schema);
  const header = singleObjectHeader(fingerprintOf(newest.schema));
  const resolveWriter = (schema: AvroSchema): WriterSchema => ({
    resolver:
      fingerprintOf(schema) === fingerprintOf(newest.schema)
        ? undefined
        : type.createResolver(createAvroType(schema)),
  });
  const writers = versions.map(({ schema }) => {
    const bytes = singleObjectHeader(fingerprintOf(schema));
    return { low: bytes.readUInt32LE(2), high: bytes.readUInt32LE(6), writer: resolveWriter(schema) };
  });

  function encodeInto(value: Value, slab: Buffer, position: number): number {
    const start = position + SINGLE_OBJECT_HEADER_BYTES;
    if (start > slab.length) {
      return slab.length - start;
    }
    header.copy(slab, position);
    return coded(() => type.encode(value, slab, start));
  }

  function encode(value: Value): Buffer {
    return Buffer.concat([header, coded(() => type.toBuffer(value))]);
  }

  function decode(bytes: Uint8Array, schemaIds: SchemaIds = NO_SCHEMA_IDS): Value {
    const buffer = asBuffer(bytes);
    const frame = readFrame(buffer);
    const writer = findWriter(frame, schemaIds);
    try {
      // avsc cannot type what it decodes; that the schema and `Value` agree is what the contract tests show.
      return type.fromBuffer(buffer.subarray(frame.start), writer.resolver) as Value;
    } catch (cause) {
      throw new EventDecodeError('undecodable', 'the bytes do not follow the schema they name', cause);
    }
  }

  function findWriter(frame: Frame, schemaIds: SchemaIds): WriterSchema {
    const found =
      frame.kind === 'confluent'
        ? schemaIds.get(frame.schemaId)
        : writers.find(({ low, high }) => low === frame.low && high === frame.high)?.writer;
    if (found === undefined) {
      throw new EventDecodeError('unknown_schema', describeUnknown(frame));
    }
    return found;
  }

  return { encodeInto, encode, decode, resolveWriter };
}

/** CRC-64-AVRO over the canonical form: the fingerprint of single-object encoding. */
export function fingerprintOf(schema: AvroSchema): bigint {
  return crc64Avro(Buffer.from(canonicalForm(schema)));
}

const NO_SCHEMA_IDS: SchemaIds = new Map();

function coded<Result>(encode: () => Result): Result {
  try {
    return encode();
  } catch (cause) {
    throw new EventEncodeError('the value does not fit its schema', cause);
  }
}

function describeUnknown(frame: Frame): string {
  if (frame.kind === 'confluent') {
    return `schema id ${frame.schemaId} is not known`;
  }
  const hex = (half: number) => half.toString(16).padStart(8, '0');
  return `schema fingerprint ${hex(frame.high)}${hex(frame.low)} is not known`;
}

/** The same bytes, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
