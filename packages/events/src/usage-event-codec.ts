import type { UsageEvent } from '@meterstone/metering';
import type { AvroDefinition, AvroSchema } from './avro-schema.ts';
import { createRecordCodec, type SchemaIds } from './record-codec.ts';
import { readSchemaVersions } from './schema-files.ts';

/** What is written anew when an event is sent again, and so says nothing about it. */
const NOT_CONTENT: ReadonlySet<string> = new Set(['ingested_at', 'source_ref']);

const versions = readSchemaVersions('usage-event');
const codec = createRecordCodec<UsageEvent>(versions);
const contentCodec = createRecordCodec<UsageEvent>(
  versions.slice(-1).map(({ version, schema }) => ({ version, schema: withoutFields(schema, NOT_CONTENT) })),
);

/**
 * Writes an event in Avro single-object encoding into `slab` at `position` and returns the next position, or a
 * negative number when it did not fit (what stands behind `position` is then undefined). About 1 µs.
 * Throws {@link EventEncodeError} `unencodable`.
 */
export function encodeUsageEvent(event: UsageEvent, slab: Buffer, position: number): number {
  return codec.encodeInto(event, slab, position);
}

/**
 * Writes what an event says into `slab` at `position`, as {@link encodeUsageEvent} does: all facts but `ingestedAt` and
 * `sourceRef`, which differ when an event is built and sent again. For comparing, not for reading: events with equal bytes
 * say the same, whichever versions they were written with. (A map in another order is taken for another content.)
 */
export function encodeEventContent(event: UsageEvent, slab: Buffer, position: number): number {
  return contentCodec.encodeInto(event, slab, position);
}

/**
 * Reads an event written with any released version, in single-object or in Confluent framing (the latter only with
 * the ids passed in). Whether its facts are valid is another question: `validateUsageEvent` of metering.
 * Throws {@link EventDecodeError} `unknown_schema` or `undecodable`, and nothing else, whatever the bytes.
 */
export function decodeUsageEvent(bytes: Uint8Array, schemaIds?: SchemaIds): UsageEvent {
  return codec.decode(bytes, schemaIds);
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

function withoutFields(schema: AvroSchema, names: ReadonlySet<string>): AvroSchema {
  const record = schema as AvroDefinition; // Our own file, which the contract tests hold to be a record.
  return { ...record, fields: (record.fields ?? []).filter(({ name }) => !names.has(name)) };
}
