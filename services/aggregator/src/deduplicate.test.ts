import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateWindow, type Standing, WINDOW_OFFSETS_MAX } from './deduplicate.ts';
import { IdentityKey } from './identity-key.ts';

/** One record as the window keeps it. */
interface SeenRecord {
  readonly eventId: Uint8Array;
  readonly line: number;
  readonly content: number;
  readonly kafkaOffset: number;
}

function record(name: number, kafkaOffset: number, facts: Partial<SeenRecord> = {}): SeenRecord {
  const eventId = name % 2 === 0 ? timedId(name) : new Uint8Array(16);
  new DataView(eventId.buffer).setFloat64(8, name);
  return { eventId, line: 0, content: 1, kafkaOffset, ...facts };
}

/** As a proxy makes them: they begin with a time of 48 bits and have version 7. Times lie around where words end. */
function timedId(name: number): Uint8Array {
  const eventId = new Uint8Array(16);
  const view = new DataView(eventId.buffer);
  const madeAt = [0, 2 ** 16, 2 ** 32, 2 ** 47 + 2 ** 31][(name % 8) >> 1] ?? 0;
  view.setUint32(0, Math.floor((madeAt + name) / 2 ** 16));
  view.setUint16(4, (madeAt + name) % 2 ** 16);
  view.setUint8(6, 0x70);
  return eventId;
}

function keyOf({ eventId, line }: SeenRecord): IdentityKey {
  const key = new IdentityKey();
  key.read(eventId, 0, line);
  return key;
}

function standing(window: DuplicateWindow, seen: SeenRecord): Standing {
  return window.find(keyOf(seen), seen.content);
}

function add(window: DuplicateWindow, seen: SeenRecord): Standing {
  return window.add(keyOf(seen), seen.content, seen.kafkaOffset);
}

describe('the duplicate window', () => {
  it('finds an identity with its content, and tells a copy from a conflict', () => {
    const window = new DuplicateWindow();
    add(window, record(1, 10, { content: 77 }));
    expect(standing(window, record(1, 0, { content: 77 }))).toBe('copy');
    expect(standing(window, record(1, 0, { content: 78 }))).toBe('conflict');
    expect(standing(window, record(2, 0, { content: 77 }))).toBe('absent');
    expect(standing(window, record(1, 0, { content: 77, line: 1 }))).toBe('absent');
  });

  it('compares with every content of an identity, not only with the last one', () => {
    const window = new DuplicateWindow();
    add(window, record(1, 10, { content: 1 }));
    add(window, record(1, 11, { content: 2 }));
    expect(standing(window, record(1, 0, { content: 1 }))).toBe('copy');
    expect(standing(window, record(1, 0, { content: 2 }))).toBe('copy');
    expect(standing(window, record(1, 0, { content: 3 }))).toBe('conflict');
  });

  it('gives up the search for a content after the eight newest', () => {
    const window = new DuplicateWindow();
    for (let content = 0; content < 9; content++) {
      add(window, record(1, content, { content }));
    }
    expect(standing(window, record(1, 0, { content: 1 }))).toBe('copy');
    expect(standing(window, record(1, 0, { content: 0 }))).toBe('conflict');
  });

  it('forgets what lies below an offset and nothing else', () => {
    const window = new DuplicateWindow();
    add(window, record(1, 10));
    add(window, record(2, 11));
    add(window, record(1, 12, { content: 2 }));
    window.forgetBefore(11);
    expect(window.size).toBe(2);
    expect(standing(window, record(1, 0, { content: 2 }))).toBe('copy');
    expect(standing(window, record(1, 0, { content: 1 }))).toBe('conflict');
    window.forgetBefore(100);
    expect(window.size).toBe(0);
    expect(standing(window, record(2, 0))).toBe('absent');
    add(window, record(2, 200));
    expect(standing(window, record(2, 0))).toBe('copy');
  });

  it('takes the time from an id that begins with one', () => {
    for (const name of [0, 2, 4, 6, 998]) {
      const { eventId } = record(name, 0);
      const madeAt = Buffer.from(eventId).readUIntBE(0, 6);
      expect(keyOf(record(name, 0)).madeAt).toBe(madeAt);
    }
    expect(keyOf(record(1, 0)).madeAt).toBe(-1);
  });

  it('refuses an offset that does not rise', () => {
    const window = new DuplicateWindow();
    add(window, record(1, 10));
    expect(() => add(window, record(2, 10))).toThrow(RangeError);
    expect(() => add(window, record(2, 9))).toThrow(RangeError);
  });

  it('answers as a plain search through the last offsets does, whatever comes and goes', () => {
    const step = fc.record({
      name: fc.integer({ min: 0, max: 1_000 }),
      line: fc.integer({ min: 0, max: 1 }),
      content: fc.integer({ min: 0, max: 3 }),
      gap: fc.integer({ min: 1, max: 3 }),
    });
    const scenario = fc.tuple(
      fc.array(step, { maxLength: 4_000, size: 'max' }),
      fc.integer({ min: 1, max: 3_000 }),
    );
    fc.assert(
      fc.property(scenario, ([steps, offsets]) => {
        const window = new DuplicateWindow();
        let plain: SeenRecord[] = [];
        let kafkaOffset = 0;
        for (const { name, line, content, gap } of steps) {
          kafkaOffset += gap;
          const next = record(name, kafkaOffset, { line, content });
          window.forgetBefore(kafkaOffset - offsets);
          plain = plain.filter((seen) => seen.kafkaOffset >= kafkaOffset - offsets);
          const expected = searched(plain, next);
          expect([standing(window, next), add(window, next)]).toEqual([expected, expected]);
          plain.push(next);
        }
        expect(window.size).toBe(plain.length);
      }),
      { numRuns: 8 },
    );
  });

  it('absorbs the window of a later range as if its records had been added one by one', () => {
    const window = new DuplicateWindow();
    const range = new DuplicateWindow();
    for (let offset = 0; offset < 3_000; offset++) {
      add(offset < 1_000 ? window : range, record(offset % 2_500, offset, { content: offset }));
    }
    window.absorb(range);
    expect(window.size).toBe(3_000);
    expect(standing(window, record(100, 0, { content: 100 }))).toBe('copy');
    expect(standing(window, record(100, 0, { content: 2_600 }))).toBe('copy');
    expect(standing(window, record(2_499, 0, { content: 2_499 }))).toBe('copy');
  });

  it('holds every place up to its most, finds what stands there, and refuses one more', () => {
    const most = 2 ** 21;
    expect(most).toBeGreaterThanOrEqual(WINDOW_OFFSETS_MAX);
    const window = new DuplicateWindow(WINDOW_OFFSETS_MAX);
    const key = new IdentityKey();
    const words = new Int32Array(4);
    const keyAt = (name: number) => {
      words[0] = name;
      words[3] = ~name;
      key.take(words, 0, 0);
      return key;
    };
    for (let name = 0; name < most; name++) {
      window.add(keyAt(name), name, name);
    }
    const missing = [0, 1, most / 2 - 1, most / 2, most - 2, most - 1].filter(
      (name) => window.find(keyAt(name), name) !== 'copy',
    );
    expect(missing).toEqual([]);
    expect(window.find(keyAt(most), 1)).toBe('absent');
    expect(() => window.add(keyAt(most), most, most)).toThrow(RangeError);
  });
});

function searched(plain: readonly SeenRecord[], next: SeenRecord): Standing {
  const id = Buffer.from(next.eventId);
  const same = plain.filter((seen) => id.equals(seen.eventId) && seen.line === next.line).slice(-8);
  if (same.length === 0) {
    return 'absent';
  }
  return same.some((seen) => seen.content === next.content) ? 'copy' : 'conflict';
}
