import { describe, expect, it } from 'vitest';
import { exampleBytes, exampleEvent, exampleRecord } from '../example.ts';
import { readRecord } from '../read-record.ts';
import { EventWalk } from './event-walk.ts';
import { IdentityReader } from './identity-reader.ts';

describe('the identity of a record', () => {
  it.each([
    ['an everyday one', exampleEvent(7, { line: 3 })],
    [
      'one of many facts',
      exampleEvent(8, { attributes: { team: 'é' }, tags: ['a', 'b'], user: 'künde', usageRaw: '{"n":1}' }),
    ],
    ['one that the walk leaves', exampleEvent(9, { quantities: { web_search_requests: 1 } })],
  ])('is the same by bytes and by object: %s', (_, event) => {
    const record = exampleRecord(4, event);
    const reader = new IdentityReader();
    expect(reader.read(record)).toBe(true);
    expect([reader.key.line, reader.content]).toEqual([event.line, contentOf(record)]);
    const again = new IdentityReader();
    // At another place in its batch.
    again.read(exampleRecord(4, event, Buffer.from('abc')));
    expect(again).toMatchObject({ key: { ...reader.key }, content: reader.content });
  });

  it('is the same by bytes and by object where a byte of a text is none', () => {
    const good = exampleBytes(
      exampleEvent(1, { project: 'chät', region: '\ufffd', user: 'künde'.repeat(12) }),
    );
    const reader = new IdentityReader();
    let others = 0;
    for (let each = 0; each < 3 * good.length; each += 1) {
      const at = each % good.length;
      const value = Buffer.from(good);
      // Never UTF-8, begun and not ended, or ended and not begun.
      value[at] = [0xff, 0xe2, 0x82][Math.floor(each / good.length)] ?? 0;
      const record = exampleRecord(1, value);
      const read = readRecord(record);
      expect(reader.read(record)).toBe(read.kind === 'event');
      if (read.kind === 'event') {
        expect([at, reader.content]).toEqual([at, read.content]);
        others += 1;
      }
    }
    expect(others).toBeGreaterThan(150);
  });

  it('is the same by bytes and by object where the length of the next text ends a letter', () => {
    const good = exampleBytes(exampleEvent(1, { responseModel: 'gpt-tesx', operation: 'o'.repeat(70) }));
    // The length of 70 begins with 0x8c, which as UTF-8 goes on with what 0xc3 began.
    good[good.indexOf('gpt-tesx') + 7] = 0xc3;
    const record = exampleRecord(1, good);
    const reader = new IdentityReader();
    expect(reader.read(record)).toBe(true);
    expect(reader.content).toBe(contentOf(record));
  });

  it('is not there in what is no event, or none that can be booked', () => {
    const reader = new IdentityReader();
    for (const value of [null, Buffer.from('noise'), exampleEvent(1, { orgId: '' })]) {
      expect(reader.read(exampleRecord(1, value))).toBe(false);
    }
  });
});

describe('a walk', () => {
  it('hashes what the event says, as reading it does', () => {
    const walk = new EventWalk();
    const scratch = new Uint8Array(65_536);
    const room = { bytes: scratch, view: new DataView(scratch.buffer), position: 0 };
    for (const facts of [
      {},
      { usageRaw: 'é'.repeat(100) },
      { sourceRef: 'another/1' },
      { outputTokens: 7 },
    ]) {
      const record = exampleRecord(1, exampleEvent(1, facts));
      expect(walk.walk(record, room)).toBeGreaterThan(0);
      expect(walk.hashContent()).toBe(contentOf(record));
    }
  });
});

function contentOf(record: ReturnType<typeof exampleRecord>): number {
  const read = readRecord(record);
  return read.kind === 'event' ? read.content : expect.fail();
}
