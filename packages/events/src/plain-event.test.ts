import type { UsageEvent } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyEvent } from './any-event.fixture.ts';
import { EventDecodeError, EventEncodeError } from './errors.ts';
import { LAYOUT_FINGERPRINT } from './event-layout.ts';
import { exampleEvent } from './example-event.ts';
import { readPlainEvent, writePlainEvent } from './plain-event.ts';
import { createRecordCodec, fingerprintOf } from './record-codec.ts';
import { readSchemaVersions } from './schema-files.ts';
import { decodeUsageEvent, encodeUsageEvent, readUsageEvent } from './usage-event-codec.ts';

const versions = readSchemaVersions('usage-event');
/** What all of this is held against. */
const avro = createRecordCodec<UsageEvent>(versions);

/** What became of a call: its result, or the code of its error. */
function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    expect(error instanceof EventDecodeError || error instanceof EventEncodeError).toBe(true);
    return (error as EventDecodeError | EventEncodeError).code; // The line above.
  }
}

function bytesBy(encode: typeof encodeUsageEvent, event: UsageEvent): unknown {
  const slab = Buffer.alloc(65_536);
  return outcomeOf(() => slab.subarray(5, encode(event, slab, 5)).toString('hex'));
}

/** What an event says, as text: all of it but when and where it was built. */
function contentOfAll({ ingestedAt: _, sourceRef: __, ...event }: UsageEvent): string {
  return avro.encode({ ...event, ingestedAt: 0, sourceRef: '' }).toString('hex');
}

describe('an event that is written by position', () => {
  it('follows the newest schema', () => {
    expect(versions.map(({ schema }) => fingerprintOf(schema)).at(-1)).toBe(LAYOUT_FINGERPRINT);
  });

  it('has the bytes that avsc writes, whatever it holds', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(bytesBy(encodeUsageEvent, event)).toBe(avro.encode(event).toString('hex'));
      }),
      { numRuns: 500 },
    );
  });

  it('has them for texts and numbers about every limit', () => {
    const lengths = [0, 1, 23, 24, 25, 26, 63, 64, 65, 127, 4095, 4096, 8191, 8192];
    const texts = ['a', 'é', '€', '😀', '\ud800'].flatMap((unit) => lengths.map((n) => unit.repeat(n)));
    for (const text of [...texts, '\udc00x', `${'x'.repeat(70)}\ud800`]) {
      const event = exampleEvent({ usageRaw: text });
      expect(bytesBy(encodeUsageEvent, event)).toBe(bytesBy(avro.encodeInto, event));
    }
    const powers = Array.from({ length: 54 }, (_, bits) => 2 ** bits);
    for (const power of powers.flatMap((value) => [value - 1, value, value + 1])) {
      for (const number of [power, -power, -0]) {
        const event = exampleEvent({ inputTokens: number, line: number, quantities: { [number]: number } });
        expect(bytesBy(encodeUsageEvent, event)).toBe(bytesBy(avro.encodeInto, event));
      }
    }
    for (const amount of powers.flatMap((value) => [BigInt(value) ** 2n, -(BigInt(value) ** 2n)])) {
      const event = exampleEvent({ chargeDelta: amount, totalCostDelta: amount - 1n });
      expect(bytesBy(encodeUsageEvent, event)).toBe(bytesBy(avro.encodeInto, event));
    }
  });

  it('is refused, or taken, where avsc does so, when a fact is of another type', () => {
    const keys = Object.keys(exampleEvent());
    const things = fc.oneof(fc.anything(), fc.double(), fc.bigInt(), fc.constant(['usage']));
    fc.assert(
      fc.property(fc.constantFrom(...keys), things, (key, thing) => {
        const event = { ...exampleEvent(), [key]: thing } as UsageEvent; // A lie, on purpose.
        expect(bytesBy(encodeUsageEvent, event)).toEqual(bytesBy(avro.encodeInto, event));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is written into exactly the room that avsc needs', () => {
    const event = exampleEvent({ user: '€'.repeat(200) });
    const size = avro.encode(event).length;
    for (let room = 0; room < size + 1_200; room += 7) {
      const slab = Buffer.alloc(room + 3);
      const end = encodeUsageEvent(event, slab, 3);
      expect(end).toBe(avro.encodeInto(event, Buffer.alloc(room + 3), 3));
      expect(end > 0).toBe(room >= size);
    }
  });

  it('needs no avsc in everyday use', () => {
    const slab = Buffer.alloc(4_096);
    const end = writePlainEvent(exampleEvent({ usageRaw: '{"x":"é"}' }), slab, 0);
    expect(readPlainEvent(slab.subarray(0, end))).toMatchObject({ isCanonical: true });
  });
});

describe('bytes that are read by position', () => {
  const good = avro.encode(
    exampleEvent({ user: 'é'.repeat(40), attributes: { a: 'b', c: 'd' }, chargeDelta: -5n, usageRaw: '{}' }),
  );
  const check = (bytes: Buffer) => {
    expect(outcomeOf(() => decodeUsageEvent(bytes))).toEqual(outcomeOf(() => avro.decode(bytes)));
  };

  it('say what avsc reads in them', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        check(avro.encode(event));
      }),
      { numRuns: 500 },
    );
  });

  it('say it, or nothing with the same code, when they are damaged anywhere', () => {
    for (let offset = 10; offset < good.length; offset++) {
      for (const value of [0, 1, 2, 3, 4, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff]) {
        const bytes = Buffer.from(good);
        bytes[offset] = value;
        check(bytes);
      }
      check(good.subarray(0, offset));
      check(Buffer.concat([good.subarray(0, offset), Buffer.from('80', 'hex'), good.subarray(offset)]));
      check(Buffer.concat([good.subarray(0, offset), good.subarray(offset + 1)]));
    }
  });

  it('say it, or nothing with the same code, when pieces of them are exchanged for noise', () => {
    const damage = fc.array(
      fc.tuple(fc.nat({ max: good.length }), fc.uint8Array({ maxLength: 12 }), fc.nat(12)),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(damage, (changes) => {
        let bytes = good;
        for (const [offset, noise, removed] of changes) {
          const at = Math.max(10, offset);
          bytes = Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + removed)]);
        }
        check(bytes);
      }),
      { numRuns: 5_000 },
    );
  });

  it('are not kept by what is read of them', () => {
    const bytes = Buffer.from(good);
    const event = decodeUsageEvent(bytes);
    bytes.fill(0x41);
    expect(event).toEqual(avro.decode(good));
  });
});

describe('the hash of what an event says', () => {
  const contentOf = (event: UsageEvent) => readUsageEvent(avro.encode(event)).content;

  it('comes with the event itself', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const bytes = avro.encode(event);
        const { event: read, content } = readUsageEvent(bytes);
        expect(read).toEqual(decodeUsageEvent(bytes));
        expect(Number.isSafeInteger(content) && content >= 0).toBe(true);
      }),
    );
  });

  it('is the same exactly for events whose content is the same', () => {
    const changes = fc.record({
      ingestedAt: fc.nat(),
      sourceRef: fc.string(),
      user: fc.constantFrom('a', 'b'),
    });
    fc.assert(
      fc.property(anyEvent, changes, changes, (event, one, other) => {
        const [left, right] = [
          { ...event, ...one },
          { ...event, ...other },
        ];
        expect(contentOf(left) === contentOf(right)).toBe(contentOfAll(left) === contentOfAll(right));
      }),
      { numRuns: 500 },
    );
  });

  it('differs with every other fact, by the smallest step', () => {
    const event = exampleEvent({ attributes: { a: 'b' }, usageRaw: '{"a":1}\0\0\0\0' });
    const facts = Object.entries(event).filter(([key]) => key !== 'ingestedAt' && key !== 'sourceRef');
    const contents = facts.flatMap(([key, value]) =>
      typeof value === 'number'
        ? [contentOf({ ...event, [key]: value + 1 }), contentOf({ ...event, [key]: -1 })]
        : [],
    );
    const texts = ['{"a":2}\0\0\0\0', '{"a":1}\0\0\0', '{"a":1}\0\0\0\0\0', null].map((usageRaw) =>
      contentOf({ ...event, usageRaw }),
    );
    const all = [contentOf(event), ...contents, ...texts];
    expect(new Set(all).size).toBe(all.length);
    for (const half of [(hash: number) => hash % 2 ** 32, (hash: number) => Math.floor(hash / 2 ** 32)]) {
      expect(new Set(all.map(half)).size).toBe(all.length);
    }
  });

  it.each([
    ['a block with its size', '02027400', '0104027400'],
    ['more bytes than a count needs', '02027400', '8200027400'],
    ['more bytes than a number needs', '0202710200', '020271820000'],
    ['more bytes than an amount needs', '0202fb', '0204fffb'],
    ['bytes that are no UTF-8', '06efbfbd', '02ff'],
  ])('is that of the event, also when it is written with %s', (_, usual, unusual) => {
    const event = exampleEvent({
      tags: ['t'],
      quantities: { q: 1 },
      chargeDelta: -5n,
      user: unusual === '02ff' ? '\ufffd' : 'u',
    });
    const bytes = avro.encode(event);
    const at = bytes.indexOf(Buffer.from(usual, 'hex'));
    expect(at).toBeGreaterThan(0);
    const rest = bytes.subarray(at + usual.length / 2);
    const rewritten = Buffer.concat([bytes.subarray(0, at), Buffer.from(unusual, 'hex'), rest]);
    expect(readUsageEvent(rewritten)).toEqual({ event, content: contentOf(event) });
  });

  it('takes a map with a key twice for what is read of it', () => {
    const event = exampleEvent({ attributes: { a: 'x', b: 'y' } });
    const bytes = avro.encode(event);
    const at = bytes.indexOf(Buffer.from('04026102780262027900', 'hex'));
    expect(at).toBeGreaterThan(0);
    const twice = Buffer.from(bytes);
    twice[at + 6] = 0x61;
    expect(readUsageEvent(twice).content).toBe(contentOf({ ...event, attributes: { a: 'y' } }));
  });
});
