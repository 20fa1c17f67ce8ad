import type { UsageEvent } from '@meterstone/metering';
import type { AvroDefinition, AvroSchema } from './avro-schema.ts';
import { hashRanges } from './content-hash.ts';
import { LAYOUT_FINGERPRINT } from './event-layout.ts';
import { singleObjectHeader } from './framing.ts';
import { type PlainEvent, readPlainEvent, writePlainEvent } from './plain-event.ts';
import { asBuffer, createRecordCodec, fingerprintOf, type SchemaIds } from './record-codec.ts';
import { readSchemaVersions } from './schema-files.ts';

/** What is written anew when an event is sent again, and so says nothing about it. */
const NOT_CONTENT: ReadonlySet<string> = new Set(['ingested_at', 'source_ref']);

const versions = readSchemaVersions('usage-event');
const codec = createRecordCodec<UsageEvent>(versions);
const contentCodec = createRecordCodec<UsageEvent>(
  versions.slice(-1).map(({ version, schema }) => ({ version, schema: withoutFields(schema, NOT_CONTENT) })),
);

/** The newest schema is the one that events are written and read of by position. */
const isLaidOut = versions.slice(-1).some(({ schema }) => fingerprintOf(schema) === LAYOUT_FINGERPRINT);

/**
 * The ten bytes before every event that is written by the layout of this version, field by field in the order of the
 * schema and in the shortest form; `null` = the newest schema has another layout. For readers that know it by position.
 */
export const LAID_OUT_HEADER: Uint8Array | null = isLaidOut ? singleObjectHeader(LAYOUT_FINGERPRINT) : null;

/** An event, and the hash of what it says. */
export interface ReadUsageEvent {
  readonly event: UsageEvent;
  /**
   * An integer of up to 53 bits over all facts but `ingestedAt` and `sourceRef`, which differ when an event is built and
   * sent again. Equal for events that say the same, whichever versions they were written with. (A map in another order
   * is taken for another content.) Not to be stored: it may differ between releases.
   */
  readonly content: number;
}

/**
 * Writes an event in Avro single-object encoding into `slab` at `position` and returns the next position, or a
 * negative number when it did not fit (what stands behind `position` is then undefined). About 1 µs.
 * Throws {@link EventEncodeError} `unencodable`.
 */
export function encodeUsageEvent(event: UsageEvent, slab: Buffer, position: number): number {
  const end = isLaidOut ? tryWritePlain(event, slab, position) : -1;
  return end < 0 ? codec.encodeInto(event, slab, position) : end;
}

/**
 * Reads an event written with any released version, in single-object or in Confluent framing (the latter only with
 * the ids passed in). Whether its facts are valid is another question: `validateUsageEvent` of metering.
 * Its texts may be parts of one string of up to 1 KB: whoever keeps many of one fact for long should keep copies.
 * Throws {@link EventDecodeError} `unknown_schema` or `undecodable`, and nothing else, whatever the bytes.
 */
export function decodeUsageEvent(bytes: Uint8Array, schemaIds?: SchemaIds): UsageEvent {
  return readPlain(asBuffer(bytes))?.event ?? codec.decode(bytes, schemaIds);
}

/** As {@link decodeUsageEvent}, and hashes what the event says without writing it again. */
export function readUsageEvent(bytes: Uint8Array, schemaIds?: SchemaIds): ReadUsageEvent {
  const buffer = asBuffer(bytes);
  const plain = readPlain(buffer);
  if (plain?.isCanonical) {
    return { event: plain.event, content: hashRanges(viewOf(buffer), plain.content) };
  }
  const event = plain?.event ?? codec.decode(bytes, schemaIds);
  return { event, content: hashContent(event) };
}

/**
 * The ids a schema registry gave to writer schemas of usage events, compiled for {@link decodeUsageEvent}. Throws an
 * Error that names the id whose schema cannot be read as ours.
 */
export function createSchemaIds(schemas: ReadonlyMap<number, AvroSchema>): SchemaIds {
  return new Map(
    Array.from(schemas, ([id, schema]) => {
      try {
        return [id, codec.resolveWriter(schema)];
      } catch (cause) {
        throw new Error(`schema id ${id} cannot be read as a usage event`, { cause });
      }
    }),
  );
}

function tryWritePlain(event: UsageEvent, slab: Buffer, position: number): number {
  try {
    return writePlainEvent(event, slab, position);
  } catch {
    return -1;
  }
}

function readPlain(bytes: Buffer): PlainEvent | null {
  return isLaidOut ? readPlainEvent(bytes) : null;
}

/** The slow way round: of the event as it would be written, so that it is told from no other by its bytes alone. */
function hashContent(event: UsageEvent): number {
  const written = codec.encode(event);
  const plain = readPlain(written);
  if (plain !== null) {
    return hashRanges(viewOf(written), plain.content);
  }
  const content = contentCodec.encode(event);
  return hashRanges(viewOf(content), [0, content.length]);
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

function withoutFields(schema: AvroSchema, names: ReadonlySet<string>): AvroSchema {
  const record = schema as AvroDefinition; // Our own file, which the contract tests hold to be a record.
  return { ...record, fields: (record.fields ?? []).filter(({ name }) => !names.has(name)) };
}
