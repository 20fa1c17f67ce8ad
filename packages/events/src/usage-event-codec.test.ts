import type { UsageEvent } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyEvent } from './any-event.fixture.ts';
import type { AvroDefinition, AvroSchema } from './avro-schema.ts';
import { EventDecodeError, EventEncodeError } from './errors.ts';
import { exampleEvent } from './example-event.ts';
import { createRecordCodec } from './record-codec.ts';
import { readSchemaVersions } from './schema-files.ts';
import { createSchemaIds, decodeUsageEvent, encodeUsageEvent, readUsageEvent } from './usage-event-codec.ts';

function encoded(event: UsageEvent): Buffer {
  const slab = Buffer.alloc(65_536);
  const end = encodeUsageEvent(event, slab, 0);
  expect(end).toBeGreaterThan(0);
  return slab.subarray(0, end);
}

function codeOf(bytes: Uint8Array): string {
  try {
    decodeUsageEvent(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(EventDecodeError);
    return (error as EventDecodeError).code; // Checked on the line above.
  }
  return 'decoded';
}

describe('a usage event on Kafka', () => {
  it('comes back as it went, whatever it holds', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const read = decodeUsageEvent(encoded(event));
        expect(read).toEqual(event);
        expect(Object.keys(read)).toEqual(Object.keys(event));
      }),
    );
  });

  it('takes any Uint8Array as an id, a view into a larger buffer too', () => {
    const id = Buffer.alloc(40, 9).subarray(3, 19);
    const read = decodeUsageEvent(encoded(exampleEvent({ eventId: new Uint8Array(id), adjustsEventId: id })));
    expect([read.eventId, read.adjustsEventId]).toEqual([Buffer.alloc(16, 9), Buffer.alloc(16, 9)]);
  });

  it('keeps a key named __proto__', () => {
    const attributes = JSON.parse('{"__proto__":"a","b":"c"}');
    expect(Object.entries(decodeUsageEvent(encoded(exampleEvent({ attributes }))).attributes)).toEqual([
      ['__proto__', 'a'],
      ['b', 'c'],
    ]);
  });

  it('starts with C3 01 and the little-endian fingerprint of the schema', () => {
    expect(encoded(exampleEvent()).subarray(0, 10).toString('hex')).toBe('c301c60c29a2a372d1cb');
  });

  it('takes less than a third of its JSON', () => {
    const event = exampleEvent();
    const json = JSON.stringify({ ...event, eventId: Buffer.from(event.eventId).toString('hex') });
    expect(encoded(event).length / json.length).toBeLessThan(0.33);
  });

  it('is written behind what a slab holds already, and says so when it does not fit', () => {
    const event = exampleEvent();
    const size = encoded(event).length;
    const slab = Buffer.alloc(2 * size + 5, 0xaa);
    const first = encodeUsageEvent(event, slab, 0);
    const second = encodeUsageEvent(event, slab, first);
    expect([first, second]).toEqual([size, 2 * size]);
    expect(decodeUsageEvent(slab.subarray(first, second))).toEqual(event);
    expect(encodeUsageEvent(event, slab, second)).toBeLessThan(0);
    expect(encodeUsageEvent(event, Buffer.alloc(size - 1), 0)).toBeLessThan(0);
    expect(encodeUsageEvent(event, Buffer.alloc(size), 0)).toBe(size);
  });

  it.each([
    ['a count of more than 53 bits', { inputTokens: 2 ** 52 }],
    ['a negative one', { inputTokens: -(2 ** 52) - 1 }],
    ['a fraction of a token', { outputTokens: 1.5 }],
    ['an id of 15 bytes', { eventId: new Uint8Array(15) }],
    ['an amount of 39 digits', { chargeDelta: 10n ** 38n }],
    ['a status over 32 bits', { httpStatus: 2 ** 31 }],
  ])('is refused with a coded error if it holds %s', (_, facts) => {
    expect(() => encodeUsageEvent(exampleEvent(facts), Buffer.alloc(4096), 0)).toThrow(EventEncodeError);
  });
});

describe('the content of an event', () => {
  const contentOf = (event: UsageEvent) => readUsageEvent(encoded(event)).content;

  it('is the same for an event that was built again, later and elsewhere', () => {
    const again = exampleEvent({ ingestedAt: 0, sourceRef: 'proxy-2/0.2.0' });
    expect(contentOf(again)).toBe(contentOf(exampleEvent()));
  });

  it('differs with every other fact', () => {
    const facts: Partial<UsageEvent>[] = [
      { occurredAt: 1 },
      { outputTokens: 312 },
      { user: null },
      { chargeDelta: 0n },
      { quantities: {} },
      { durationMs: null },
    ];
    expect(new Set([exampleEvent(), ...facts.map(exampleEvent)].map(contentOf)).size).toBe(facts.length + 1);
  });
});

describe('framing', () => {
  const payload = encoded(exampleEvent()).subarray(10);
  const confluent = (schemaId: number) => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(schemaId, 1);
    return Buffer.concat([header, payload]);
  };
  const schema = readSchemaVersions('usage-event').at(-1)?.schema as AvroDefinition; // Our own file.

  it('accepts Confluent’s, through the ids passed in', () => {
    const ids = createSchemaIds(new Map([[7, schema]]));
    expect(decodeUsageEvent(confluent(7), ids)).toEqual(exampleEvent());
    expect(() => decodeUsageEvent(confluent(8), ids)).toThrow(
      expect.objectContaining({ code: 'unknown_schema' }),
    );
    expect(codeOf(confluent(7))).toBe('unknown_schema');
  });

  it('reads a foreign writer’s schema by names, not by position', () => {
    const reversed: AvroSchema = {
      ...schema,
      fields: [...(schema.fields ?? [])].reverse().map(selfContained),
    };
    const bytes = createRecordCodec<UsageEvent>([{ version: 1, schema: reversed }]).encode(exampleEvent());
    const header = Buffer.from('0000000009', 'hex');
    const ids = createSchemaIds(new Map([[9, reversed]]));
    expect(decodeUsageEvent(Buffer.concat([header, bytes.subarray(10)]), ids)).toEqual(exampleEvent());
  });

  it('refuses ids whose schema cannot be read as a usage event', () => {
    const foreign: AvroSchema = { type: 'record', name: 'Other', fields: [] };
    expect(() => createSchemaIds(new Map([[3, foreign]]))).toThrow('schema id 3');
  });

  it('tells an unknown fingerprint from bytes that are no record at all', () => {
    const other = Buffer.from(encoded(exampleEvent()));
    other[5] = (other[5] ?? 0) ^ 0xff;
    expect(codeOf(other)).toBe('unknown_schema');
    expect(codeOf(Buffer.from('{"event_id":"…"}'))).toBe('undecodable');
    expect(codeOf(Buffer.alloc(0))).toBe('undecodable');
    expect(codeOf(Buffer.from('c301', 'hex'))).toBe('undecodable');
  });
});

describe('malformed bytes', () => {
  const good = encoded(exampleEvent({ user: 'x'.repeat(40), attributes: { a: 'b' }, chargeDelta: -5n }));

  it('never cause anything but the coded error', () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: good.length - 11 }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = Buffer.from(good);
        for (const [offset, value] of changes) {
          bytes[10 + offset] = value;
        }
        expect(['decoded', 'undecodable']).toContain(codeOf(bytes));
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        codeOf(noise);
        expect(['decoded', 'undecodable']).toContain(codeOf(Buffer.concat([good.subarray(0, 10), noise])));
      }),
      { numRuns: 3_000 },
    );
  });

  it('are noticed at every cut and with anything behind the end', () => {
    for (let length = 0; length < good.length; length++) {
      expect(codeOf(good.subarray(0, length))).toBe('undecodable');
    }
    expect(codeOf(Buffer.concat([good, Buffer.alloc(1)]))).toBe('undecodable');
  });

  it.each([
    ['tags', exampleEvent({ tags: ['t'] })],
    ['attributes', exampleEvent({ attributes: { k: 'v' } })],
  ])('that claim a huge number of %s are refused before anything is allocated', (fact, event) => {
    // One entry of one character each: the count 1 (zigzag 02) stands before the entry's own length (02).
    const bytes = encoded(event);
    const entry = fact === 'tags' ? Buffer.from('02027400', 'hex') : Buffer.from('02026b027600', 'hex');
    const at = bytes.indexOf(entry);
    expect(at).toBeGreaterThan(0);
    const huge = Buffer.from('feffffffffffff0f', 'hex');
    const hostile = Buffer.concat([bytes.subarray(0, at), huge, bytes.subarray(at + 1)]);
    expect(codeOf(hostile)).toBe('undecodable');
  });

  it('with a long beyond 53 bits are refused, rather than read as another number', () => {
    const bytes = encoded(exampleEvent({ durationMs: null, timeToFirstTokenMs: null, quantities: { q: 1 } }));
    const at = bytes.indexOf(Buffer.from('0202710200', 'hex')) + 3;
    expect(at).toBeGreaterThan(3);
    // −2^52 − 1 in zigzag: 2^53 + 1, which no float holds.
    const wide = Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from('8180808080808010', 'hex'),
      bytes.subarray(at + 1),
    ]);
    expect(codeOf(wide)).toBe('undecodable');
  });

  it('with an int beyond 32 bits are refused', () => {
    const bytes = encoded(exampleEvent({ line: 1 }));
    const wide = Buffer.concat([bytes.subarray(0, 26), Buffer.from('8080808020', 'hex'), bytes.subarray(27)]);
    expect(bytes[26]).toBe(2);
    expect(codeOf(wide)).toBe('undecodable');
  });
});

/** `Id128` is defined where it is first used; reversed, another field comes first. */
function selfContained(field: { name: string; type: AvroSchema }): { name: string; type: AvroSchema } {
  const definition: AvroSchema = { type: 'fixed', name: 'Id128', size: 16 };
  if (field.name === 'adjusts_event_id') {
    return { ...field, type: ['null', definition] };
  }
  return field.name === 'event_id' ? { ...field, type: 'Id128' } : field;
}
