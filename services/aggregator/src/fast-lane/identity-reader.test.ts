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
    const good = exampleBytes(exampleEvent(1, { project: 'chät', region: 'eu-1', user: 'künde' }));
    const reader = new IdentityReader();
    let others = 0;
    for (let at = 0; at < good.length; at += 1) {
      const value = Buffer.from(good);
      value[at] = 0xff;
      const record = exampleRecord(1, value);
      const read = readRecord(record);
      expect(reader.read(record)).toBe(read.kind === 'event');
      if (read.kind === 'event') {
        expect([at, reader.content]).toEqual([at, read.content]);
        others += 1;
      }
    }
    expect(others).toBeGreaterThan(50);
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
