import avro, { type ForSchemaOptions, type Schema } from 'avsc';
import { type AvroField, type AvroSchema, isUnion } from './avro-schema.ts';
import { BoundedArrayType, BoundedMapType, ExactLongType, StrictIntType } from './checked-types.ts';
import { DecimalType, IdType } from './logical-types.ts';

/**
 * The avsc type of a schema as our code sees it: field names in camelCase (the binary form is positional, so only the
 * names in memory change), decimals as bigint picodollars, 16-byte ids as any Uint8Array, and readers that believe no
 * count or int they have not checked.
 */
export function createAvroType(schema: AvroSchema): avro.Type {
  // avsc's own schema typings are mutable and stricter than what JSON gives.
  return avro.Type.forSchema(inMemory(schema) as unknown as Schema, {
    assertLogicalTypes: true,
    logicalTypes: { decimal: DecimalType, 'id-128': IdType },
    omitRecordMethods: true,
    typeHook,
    wrapUnions: 'never',
  });
}

/** snake_case, as on Avro, in ClickHouse and in JSON, to the camelCase of TypeScript. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function inMemory(schema: AvroSchema): AvroSchema {
  if (typeof schema === 'string') {
    return schema;
  }
  if (isUnion(schema)) {
    return schema.map(inMemory);
  }
  const { fields, items, values, ...rest } = schema;
  return {
    ...rest,
    ...(schema.type === 'fixed' && schema.size === ID_BYTES ? { logicalType: 'id-128' } : {}),
    ...(fields === undefined ? {} : { fields: fields.map(renamed) }),
    ...(items === undefined ? {} : { items: inMemory(items) }),
    ...(values === undefined ? {} : { values: inMemory(values) }),
  };
}

function renamed(field: AvroField): AvroField {
  return { ...field, name: camelCase(field.name), type: inMemory(field.type) };
}

const ID_BYTES = 16;

function typeHook(schema: Schema, options: ForSchemaOptions): avro.Type | undefined {
  const type = typeof schema === 'string' ? schema : (schema as { type?: unknown }).type;
  if (type === 'int') {
    return new StrictIntType();
  }
  if (type === 'long') {
    return new ExactLongType();
  }
  if (type === 'array') {
    return new BoundedArrayType(schema, options);
  }
  return type === 'map' ? new BoundedMapType(schema, options) : undefined;
}
