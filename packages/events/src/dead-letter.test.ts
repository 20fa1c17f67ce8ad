import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AvroDefinition } from './avro-schema.ts';
import { camelCase } from './avro-type.ts';
import { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from './dead-letter.ts';
import { EventDecodeError } from './errors.ts';
import { readSchemaVersions } from './schema-files.ts';

const letter: DeadLetter = {
  stream: 1,
  topic: 'meterstone.usage-events',
  kafkaPartition: 3,
  kafkaOffset: 1_000,
  recordTimestamp: 1_795_516_203_456,
  recordKey: Buffer.from('op'),
  recordValue: Buffer.from('not an event'),
  code: 'undecodable',
  reason: 'neither framing',
};

describe('a dead letter', () => {
  it('has the facts of its schema, in order', () => {
    const schema = readSchemaVersions('dead-letter').at(-1)?.schema as AvroDefinition; // Our own file.
    expect((schema.fields ?? []).map(({ name }) => camelCase(name))).toEqual(Object.keys(letter));
  });

  it('keeps the original bytes, and the absence of key or value', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 500 }).map(Buffer.from), { nil: null });
    fc.assert(
      fc.property(bytes, bytes, fc.string(), (recordKey, recordValue, reason) => {
        const written = { ...letter, recordKey, recordValue, reason };
        expect(decodeDeadLetter(encodeDeadLetter(written))).toEqual(written);
      }),
    );
  });

  it('is not read from other bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const framed = Buffer.concat([encodeDeadLetter(letter).subarray(0, 10), noise]);
        try {
          decodeDeadLetter(framed);
        } catch (error) {
          expect(error).toBeInstanceOf(EventDecodeError);
        }
      }),
    );
  });
});
