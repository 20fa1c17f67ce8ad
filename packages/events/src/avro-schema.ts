/** An Avro schema as parsed from JSON: a name, a union, or a definition. */
export type AvroSchema = string | readonly AvroSchema[] | AvroDefinition;

/** A definition; which of the members exist depends on `type`. */
export interface AvroDefinition {
  readonly type: AvroSchema;
  readonly name?: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields?: readonly AvroField[];
  readonly symbols?: readonly string[];
  readonly items?: AvroSchema;
  readonly values?: AvroSchema;
  readonly size?: number;
  readonly logicalType?: string;
  readonly precision?: number;
  readonly scale?: number;
}

export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly doc?: string;
  readonly default?: unknown;
}

export function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

/**
 * The Parsing Canonical Form of the Avro specification ("Transforming into Parsing Canonical Form"): full names, only
 * what matters to a parser, fixed order, no white space. Logical types vanish, so it is also what a fingerprint ignores.
 */
export function canonicalForm(schema: AvroSchema, namespace = ''): string {
  if (typeof schema === 'string') {
    return JSON.stringify(fullName(schema, namespace));
  }
  if (isUnion(schema)) {
    return `[${schema.map((branch) => canonicalForm(branch, namespace)).join(',')}]`;
  }
  return canonicalDefinition(schema, namespace);
}

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);

function canonicalDefinition(schema: AvroDefinition, outerNamespace: string): string {
  const type = schema.type;
  if (typeof type !== 'string' || PRIMITIVES.has(type)) {
    return canonicalForm(type, outerNamespace);
  }
  const parts: string[] = [];
  let namespace = outerNamespace;
  if (schema.name !== undefined) {
    const name = fullName(schema.name, schema.namespace ?? outerNamespace);
    namespace = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    parts.push(`"name":${JSON.stringify(name)}`);
  }
  parts.push(`"type":${JSON.stringify(type)}`);
  if (schema.fields !== undefined) {
    const fields = schema.fields.map(
      (field) => `{"name":${JSON.stringify(field.name)},"type":${canonicalForm(field.type, namespace)}}`,
    );
    parts.push(`"fields":[${fields.join(',')}]`);
  }
  if (schema.symbols !== undefined) {
    parts.push(`"symbols":${JSON.stringify(schema.symbols)}`);
  }
  if (schema.items !== undefined) {
    parts.push(`"items":${canonicalForm(schema.items, namespace)}`);
  }
  if (schema.values !== undefined) {
    parts.push(`"values":${canonicalForm(schema.values, namespace)}`);
  }
  if (schema.size !== undefined) {
    parts.push(`"size":${schema.size}`);
  }
  return `{${parts.join(',')}}`;
}

function fullName(name: string, namespace: string): string {
  if (PRIMITIVES.has(name) || name.includes('.') || namespace === '') {
    return name;
  }
  return `${namespace}.${name}`;
}
