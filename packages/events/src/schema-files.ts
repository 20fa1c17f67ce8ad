import { readdirSync, readFileSync } from 'node:fs';
import type { AvroSchema } from './avro-schema.ts';

/** One released version of a schema, as its file says it. */
export interface SchemaVersion {
  readonly version: number;
  readonly schema: AvroSchema;
}

const SCHEMAS = new URL('../../../schemas/', import.meta.url);

/** All versions of a schema (`schemas/<name>/<version>.avsc`), oldest first. Throws where the folder holds none. */
export function readSchemaVersions(name: 'usage-event' | 'dead-letter'): readonly SchemaVersion[] {
  const folder = new URL(`${name}/`, SCHEMAS);
  const versions = readdirSync(folder)
    .map((file) => /^(\d+)\.avsc$/.exec(file)?.[1])
    .filter((version) => version !== undefined)
    .map((version) => ({ version: Number(version), schema: readSchema(new URL(`${version}.avsc`, folder)) }))
    .sort((a, b) => a.version - b.version);
  if (versions.length === 0) {
    throw new Error(`no schema in schemas/${name}`);
  }
  return versions;
}

function readSchema(file: URL): AvroSchema {
  // Our own file, not outside data: its shape is what the contract tests check.
  return JSON.parse(readFileSync(file, 'utf8')) as AvroSchema;
}
