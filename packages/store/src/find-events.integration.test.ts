import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arbitraryRow } from './arbitrary-row.ts';
import { exampleEvent, exampleRow } from './example-row.ts';
import { countDirectIds, readDirectIds } from './find-event-ids.ts';
import { findStoredEvents } from './find-events.ts';
import { insertRawBlock } from './insert-raw-block.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { appendRawRow, createRawBlock } from './raw-block.ts';
import type { RawRow } from './raw-row.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

async function insertRows(rows: readonly RawRow[], token: string): Promise<void> {
  const block = createRawBlock();
  for (const row of rows) appendRawRow(block, row);
  await insertRawBlock({ client: store.client, block, token });
}

function eventId(number: number): Uint8Array {
  const id = Buffer.alloc(16, 0xa5);
  id.writeUInt32BE(number, 4);
  return id;
}

const row = (number: number, coordinates: Partial<RawRow['coordinates']>, facts = {}) =>
  exampleRow({
    event: exampleEvent({ eventId: eventId(number), source: 'events', ...facts }),
    coordinates: { stream: 2, kafkaPartition: 1, kafkaOffset: 0, ...coordinates },
  });
const older = { stream: 2, kafkaPartition: 1, before: 100 };

describe('a look-up of ids', () => {
  test('finds any line as a copy of itself, and a conflict where a billed fact differs', async () => {
    let stream = 1_000;
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryRow, { minLength: 1, maxLength: 20 }), async (drawn) => {
        stream += 1;
        const rows = drawn.map((one, kafkaOffset) => ({
          ...one,
          event: { ...one.event, eventId: eventId(stream * 100 + kafkaOffset) },
          coordinates: { stream, kafkaPartition: 1, kafkaOffset },
        }));
        await insertRows(rows, `look-up-${stream}`);
        const keys = rows.map(({ event }) => event);
        const found = await findStoredEvents(store.client, keys, {
          stream,
          kafkaPartition: 1,
          before: 1_000,
        });
        for (const { event, userKey } of rows) {
          expect(found.find({ ...event, ingestedAt: 1, sourceRef: 'other' }, userKey)).toBe('copy');
          expect(found.find({ ...event, outputTokens: event.outputTokens + 1 }, userKey)).toBe('conflict');
          expect(found.find({ ...event, tags: [...event.tags, 'zzz'] }, userKey)).toBe('conflict');
          expect(found.find({ ...event, line: event.line + 1 }, userKey)).toBe('absent');
        }
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });

  test('leaves out rows at or beyond the first offset, of other Kafka partitions and of later streams', async () => {
    await insertRows(
      [
        row(1, { kafkaOffset: 99 }),
        row(2, { kafkaOffset: 100 }),
        row(3, { kafkaPartition: 0, kafkaOffset: 5 }),
        row(4, { stream: 1, kafkaPartition: 7, kafkaOffset: 900 }),
        row(5, { stream: 3 }),
      ],
      'places',
    );
    const events = [1, 2, 3, 4, 5].map((number) => exampleEvent({ eventId: eventId(number) }));
    const found = await findStoredEvents(store.client, events, older);
    expect(events.map((event) => found.find(event, new Uint8Array(16)))).toEqual([
      'copy',
      'absent',
      'absent',
      'copy',
      'absent',
    ]);
  });

  test('of none asks nothing, and of thousands asks in pieces', async () => {
    const nothing = await findStoredEvents(store.client, [], older);
    expect(nothing.find(exampleEvent({ eventId: eventId(1) }), new Uint8Array(16))).toBe('absent');
    const events = Array.from({ length: 5_000 }, (_, index) =>
      exampleEvent({ eventId: eventId(5_000 - index) }),
    );
    const found = await findStoredEvents(store.client, events, older);
    expect(events.filter((event) => found.find(event, new Uint8Array(16)) === 'copy')).toHaveLength(2);
  });

  test('can read all ids that came from outside, and how many they are', async () => {
    await insertRows(
      [
        row(11, { stream: 50, kafkaOffset: 1 }),
        row(12, { stream: 50, kafkaOffset: 2 }, { source: 'proxy' }),
        row(13, { stream: 50, kafkaOffset: 3 }),
        row(14, { stream: 50, kafkaOffset: 4 }),
      ],
      'outside',
    );
    const place = { stream: 50, kafkaPartition: 1, before: 4 };
    const ids: string[] = [];
    await readDirectIds(store.client, place, (id) => ids.push(Buffer.from(id).toString('hex')));
    expect(ids).toEqual(expect.arrayContaining([11, 13].map((n) => Buffer.from(eventId(n)).toString('hex'))));
    expect(ids).not.toContain(Buffer.from(eventId(12)).toString('hex'));
    expect(ids).not.toContain(Buffer.from(eventId(14)).toString('hex'));
    expect(await countDirectIds(store.client, place)).toBe(ids.length);
  });
});
