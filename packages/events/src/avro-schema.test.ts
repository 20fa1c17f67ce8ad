import { describe, expect, it } from 'vitest';
import { type AvroSchema, canonicalForm } from './avro-schema.ts';
import { crc64Avro } from './crc-64-avro.ts';
import { fingerprintOf } from './record-codec.ts';
import { readSchemaVersions } from './schema-files.ts';

// The Avro project's own vectors: share/test/data/schema-tests.txt of apache/avro, read 2026-11-24.
// Schema as written, canonical form, CRC-64-AVRO of the canonical form as a signed 64-bit number.
const VECTORS: readonly (readonly [schema: AvroSchema, canonical: string, fingerprint: bigint])[] = [
  ['null', '"null"', 7195948357588979594n],
  [{ type: 'null' }, '"null"', 7195948357588979594n],
  ['boolean', '"boolean"', -6970731678124411036n],
  ['int', '"int"', 8247732601305521295n],
  [{ type: 'int' }, '"int"', 8247732601305521295n],
  ['long', '"long"', -3434872931120570953n],
  ['float', '"float"', 5583340709985441680n],
  ['double', '"double"', -8181574048448539266n],
  ['bytes', '"bytes"', 5746618253357095269n],
  ['string', '"string"', -8142146995180207161n],
  [[], '[]', -1241056759729112623n],
  [['int'], '["int"]', -5232228896498058493n],
  [['int', { type: 'boolean' }], '["int","boolean"]', 5392556393470105090n],
  [
    { fields: [], type: 'record', name: 'foo' },
    '{"name":"foo","type":"record","fields":[]}',
    -4824392279771201922n,
  ],
  [
    { fields: [], type: 'record', name: 'foo', namespace: 'x.y' },
    '{"name":"x.y.foo","type":"record","fields":[]}',
    5916914534497305771n,
  ],
  [
    { fields: [], type: 'record', name: 'a.b.foo', namespace: 'x.y' },
    '{"name":"a.b.foo","type":"record","fields":[]}',
    -4616218487480524110n,
  ],
  [
    { fields: [], type: 'record', name: 'foo', doc: 'Useful info' },
    '{"name":"foo","type":"record","fields":[]}',
    -4824392279771201922n,
  ],
  [
    {
      fields: [
        { type: 'boolean', name: 'f1', default: true },
        { name: 'f2', doc: 'Hello', type: 'int' },
      ],
      type: 'record',
      name: 'foo',
    },
    '{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"},{"name":"f2","type":"int"}]}',
    -4860222112080293046n,
  ],
  [
    { type: 'enum', name: 'foo', symbols: ['A1'] },
    '{"name":"foo","type":"enum","symbols":["A1"]}',
    -6342190197741309591n,
  ],
  [
    { namespace: 'x.y.z', type: 'enum', name: 'foo', doc: 'foo bar', symbols: ['A1', 'A2'] },
    '{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}',
    -4448647247586288245n,
  ],
  [{ name: 'foo', type: 'fixed', size: 15 }, '{"name":"foo","type":"fixed","size":15}', 1756455273707447556n],
  [{ items: { type: 'null' }, type: 'array' }, '{"type":"array","items":"null"}', -589620603366471059n],
  [{ values: 'string', type: 'map' }, '{"type":"map","values":"string"}', -8732877298790414990n],
  [
    {
      name: 'PigValue',
      type: 'record',
      fields: [{ name: 'value', type: ['null', 'int', 'long', 'PigValue'] }],
    },
    '{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}',
    -1759257747318642341n,
  ],
];

describe('the canonical form and its fingerprint', () => {
  it.each(VECTORS)('agree with the vectors of the Avro project: %j', (schema, canonical, fingerprint) => {
    expect(canonicalForm(schema)).toBe(canonical);
    expect(BigInt.asIntN(64, fingerprintOf(schema))).toBe(fingerprint);
  });

  it('hashes plain bytes too', () => {
    expect(crc64Avro(new Uint8Array(0))).toBe(0xc15d213aa4d7a795n);
    expect(crc64Avro(Buffer.from('hello world'))).toBe(2906301498937520992n);
  });

  it('qualifies a name inside a record by the namespace of the record', () => {
    const inner: AvroSchema = { type: 'record', name: 'Inner', fields: [{ name: 'x', type: 'string' }] };
    const outer: AvroSchema = {
      type: 'record',
      name: 'Outer',
      namespace: 'com.ex',
      fields: [
        { name: 'v', type: inner },
        { name: 'w', type: 'Inner' },
      ],
    };
    expect(canonicalForm(outer)).toBe(
      '{"name":"com.ex.Outer","type":"record","fields":[{"name":"v","type":{"name":"com.ex.Inner","type":"record","fields":[{"name":"x","type":"string"}]}},{"name":"w","type":"com.ex.Inner"}]}',
    );
  });

  it('keeps the fingerprints of the released schemas, which readers of stored records rely on', () => {
    const released = readSchemaVersions('usage-event').map(({ version, schema }) => [
      version,
      fingerprintOf(schema).toString(16),
    ]);
    expect(released).toEqual([[1, 'cbd172a3a2290cc6']]);
    const deadLetters = readSchemaVersions('dead-letter').map(({ schema }) =>
      fingerprintOf(schema).toString(16),
    );
    expect(deadLetters).toEqual(['ee97f76404ebc1e3']);
  });
});
