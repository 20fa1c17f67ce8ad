import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { claimJournal } from './journal-folder.ts';
import { END_BYTES } from './journal-format.ts';
import { abandonJournal, readJournalStatus } from './journal-status.ts';
import { Outbox } from './outbox.ts';
import { replayJournals } from './replay-journals.ts';
import { scanJournal } from './scan-journal.ts';
import {
  ended,
  hex,
  memoryProducer,
  removeTestFolders,
  replayOptions,
  SILENT,
  TOPIC_ID,
  testEvent,
  testFolder,
  testJournal,
} from './test-journal.ts';

afterEach(removeTestFolders);

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What is left of a journal whose process died now: the lock goes, nothing else is done. */
function die(journal: { readonly path: string }): string {
  const folder = testFolder();
  const path = join(folder, 'dead-7-00000000');
  mkdirSync(path);
  for (const file of readdirSync(journal.path)) {
    if (file !== 'lock') {
      // Read through another name: opening the lock file in this process would free the lock.
      writeFileSync(join(path, file), readFileSync(join(journal.path, file)));
    }
  }
  return folder;
}

describe('Journal', () => {
  it('has a note on disk before it lets the request go', async () => {
    const journal = testJournal();
    const event = testEvent();
    journal.note(event);
    let found = -1;
    journal.whenWritten(() => {
      found = readFileSync(join(journal.path, '00000001.journal')).indexOf(event.eventId);
    });
    expect(readFileSync(join(journal.path, '00000001.journal')).indexOf(event.eventId)).toBe(-1);
    await turn();
    expect(found).toBeGreaterThan(0);
    journal.close();
  });

  it('writes what one turn of the event loop appends as one frame', async () => {
    const journal = testJournal();
    const order: number[] = [];
    for (let number = 0; number < 10; number++) {
      journal.note(testEvent());
      journal.whenWritten(() => order.push(number));
    }
    await turn();
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect((await scanJournal(journal.path)).openNotes.size).toBe(10);
    journal.close();
  });

  it('calls back after the flush where that is asked for', async () => {
    const journal = testJournal({ fsyncMs: 1 });
    journal.note(testEvent());
    let isWritten = false;
    journal.whenWritten(() => {
      isWritten = true;
    });
    await turn();
    expect(isWritten).toBe(false);
    await until(() => isWritten);
    await journal.written();
    journal.close();
  });

  it('removes a segment when all in it is settled, the oldest first', () => {
    const journal = testJournal({ segmentBytesMax: 2_000 });
    const event = testEvent();
    const first = journal.note(event);
    let ordinal = 0;
    for (; ordinal < 30; ordinal++) {
      const other = testEvent();
      const events = [{ ordinal, kafkaPartition: 1, ...ended(other) }];
      journal.append(journal.note(other), { eventId: other.eventId, events });
      journal.commit();
    }
    journal.settle({ first: 0, next: ordinal });
    journal.commit();
    const before = journal.segments.length;
    expect(before).toBeGreaterThan(5);
    if (first === null) {
      throw new Error('not noted');
    }
    journal.renew(first, { ...event, outputDeltas: 12 });
    journal.commit();
    expect(journal.segments.length).toBeLessThanOrEqual(2);
    expect(journal.bytes).toBeLessThan(4_000);
    journal.drop(first);
    expect(journal.close()).toEqual({ openNotes: 0, unsettled: 0 });
    expect(existsSync(journal.path)).toBe(false);
  });

  it('takes no notes at its limit, and still ends the attempts that it noted', async () => {
    const journal = testJournal({ bytesMax: 60_000, segmentBytesMax: 10_000 });
    const noted: {
      entry: NonNullable<ReturnType<typeof journal.note>>;
      event: ReturnType<typeof testEvent>;
    }[] = [];
    for (;;) {
      const event = testEvent();
      const entry = journal.note(event);
      journal.commit();
      if (entry === null) {
        break;
      }
      noted.push({ entry, event });
    }
    expect(journal.isFull).toBe(true);
    expect(journal.stats.unnoted).toBe(1);
    for (const [ordinal, { entry, event }] of noted.entries()) {
      const events = [{ ordinal, kafkaPartition: 0, ...ended(event) }];
      journal.append(entry, { eventId: event.eventId, events });
    }
    journal.commit();
    expect(journal.stats.unkept).toBe(0);
    expect(journal.bytes).toBeLessThan(60_000 + 10_000);
    const { unsettled, openNotes } = await scanJournal(journal.path);
    expect({ unsettled, openNotes: openNotes.size }).toEqual({ unsettled: noted.length, openNotes: 0 });
    journal.settle({ first: 0, next: noted.length });
    journal.commit();
    expect(journal.isFull).toBe(false);
    expect(journal.note(testEvent())).not.toBeNull();
    journal.close();
  });

  it('says when the oldest open attempt began', () => {
    const journal = testJournal();
    expect(journal.oldestOpenAt).toBeNull();
    const late = journal.note(testEvent({ occurredAt: 3_000 }));
    const early = journal.note(testEvent({ occurredAt: 2_000 }));
    expect(journal.oldestOpenAt).toBe(2_000);
    for (const entry of [early, late]) {
      if (entry !== null) {
        journal.drop(entry);
      }
    }
    expect(journal.oldestOpenAt).toBeNull();
    journal.close();
  });

  it('says when the oldest event was built that Kafka has not acknowledged', () => {
    let at = 10_000;
    const journal = testJournal({ now: () => at });
    const build = () => {
      const event = testEvent();
      const built = { ordinal: journal.nextOrdinal, kafkaPartition: 0, ...ended(event) };
      journal.append(journal.note(event), { eventId: event.eventId, events: [built] });
    };
    expect(journal.oldestUnsettledAt).toBeNull();
    build();
    at = 12_000;
    build();
    expect(journal.oldestUnsettledAt).toBe(10_000);
    journal.settle({ first: 1, next: 2 });
    expect(journal.oldestUnsettledAt).toBe(10_000);
    build();
    journal.settle({ first: 0, next: 1 });
    expect(journal.oldestUnsettledAt).toBe(12_000);
    journal.settle({ first: 2, next: 3 });
    expect(journal.oldestUnsettledAt).toBeNull();
    journal.close();
  });

  it('goes on where the disk takes nothing, says so, and writes when it does again', async () => {
    const journal = testJournal({ segmentBytesMax: 100 });
    journal.note(testEvent());
    journal.commit();
    // A folder where the next segment should be: it cannot be begun, so the current one is used.
    mkdirSync(join(journal.path, '00000003.journal'));
    let isReleased = false;
    journal.note(testEvent());
    journal.whenWritten(() => {
      isReleased = true;
    });
    await turn();
    expect(isReleased).toBe(true);
    expect(journal.stats.failedWrites).toBe(1);
    journal.close();
  });
});

describe('locks', () => {
  it('belong to one, and are free when it closes', () => {
    const journal = testJournal();
    expect(claimJournal(journal.path)).toBeNull();
    journal.note(testEvent());
    journal.close();
    const lock = claimJournal(journal.path);
    expect(lock).not.toBeNull();
    lock?.release();
  });

  it('do not mind a process id that is used again', () => {
    const folder = testFolder();
    const journals = [1, 2, 3].map(() => testJournal({ folder }));
    expect(new Set(journals.map(({ path }) => path)).size).toBe(3);
    for (const journal of journals) {
      journal.close();
    }
  });
});

describe('replayJournals', () => {
  it('sends unsettled events where they belong and orphans for attempts without an end, and clears up', async () => {
    const journal = testJournal();
    const settled = testEvent();
    const unsettled = testEvent();
    const open = testEvent({ occurredAt: 1_699_999_999_000 });
    const dropped = testEvent();
    const entries = [settled, unsettled, open, dropped].map((event) => journal.note(event));
    const [first, second, third, fourth] = entries;
    if (!first || !second || !third || !fourth) {
      throw new Error('not noted');
    }
    journal.append(first, {
      eventId: settled.eventId,
      events: [{ ordinal: 0, kafkaPartition: 3, ...ended(settled) }],
    });
    const lines = [ended(unsettled), ended(unsettled, { line: 1 })];
    journal.append(second, {
      eventId: unsettled.eventId,
      events: lines.map((line, index) => ({ ordinal: 1 + index, kafkaPartition: 3, ...line })),
    });
    journal.settle({ first: 0, next: 1 });
    journal.renew(third, { ...open, outputDeltas: 9, outputTokens: 9 });
    journal.drop(fourth);
    journal.commit();
    const folder = die(journal);
    journal.close();

    const memory = memoryProducer();
    const total = await replayJournals(folder, replayOptions(memory));
    expect(total).toMatchObject({
      journals: 1,
      locked: 0,
      failed: 0,
      events: 2,
      orphans: 1,
      moved: 0,
      tornBytes: 0,
    });
    expect(memory.sent.map(({ id, event, kafkaPartition }) => [id, event.line, kafkaPartition])).toEqual([
      [hex(unsettled), 0, 3],
      [hex(unsettled), 1, 3],
      [hex(open), 0, 0],
    ]);
    expect(memory.sent[2]?.event).toMatchObject({
      outcome: 'orphan',
      final: true,
      usageSource: 'estimated',
      outputDeltas: 9,
      outputTokens: 9,
      inputTokens: 1_204,
      requestTextBytes: 4_816,
      occurredAt: 1_699_999_999_000,
      ingestedAt: 1_700_000_000_500,
      sourceRef: 'proxy-2/0.1.0',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('appends orphans with their Kafka partition before it sends them: the next heir sends the same', async () => {
    const journal = testJournal();
    const events = Array.from({ length: 5 }, () => testEvent());
    for (const event of events) {
      journal.note(event);
    }
    journal.commit();
    const folder = die(journal);
    journal.close();
    const memory = memoryProducer();
    const stopping = new AbortController();
    const dying = {
      ...memory.producer,
      sendBatch: () => {
        stopping.abort(new Error('killed'));
        return new Promise<void>(() => {});
      },
    };
    const interrupted = await replayJournals(
      folder,
      replayOptions(memory, {
        producer: dying,
        signal: stopping.signal,
        readTopic: async () => ({ id: TOPIC_ID, kafkaPartitions: 7 }),
      }),
    );
    expect(interrupted).toMatchObject({ journals: 0, failed: 1 });
    expect(memory.sent).toEqual([]);
    const heir = await replayJournals(folder, replayOptions(memory, { now: () => 1_900_000_000_000 }));
    expect(heir).toMatchObject({ journals: 1, events: 5, orphans: 0 });
    expect(memory.sent.map(({ id }) => id)).toEqual(events.map(hex));
    // Built by the first heir, and so with its time.
    expect(new Set(memory.sent.map(({ event }) => event.ingestedAt))).toEqual(new Set([1_700_000_000_500]));
  });

  it('reads all before a torn tail, at every place where it can be torn', async () => {
    const journal = testJournal();
    const events = [testEvent(), testEvent()];
    for (const event of events) {
      journal.note(event);
      journal.commit();
    }
    const whole = readFileSync(join(journal.path, '00000001.journal'));
    const firstEnd = whole.indexOf(events[1]?.eventId ?? '') - 13;
    const secondEnd = whole.length - END_BYTES;
    const folder = die(journal);
    journal.close();
    const path = join(folder, 'dead-7-00000000');
    for (let length = whole.length; length >= firstEnd; length -= 1) {
      truncateSync(join(path, '00000001.journal'), length);
      const { openNotes, tornBytes } = await scanJournal(path);
      expect(openNotes.size).toBe(length >= secondEnd ? 2 : 1);
      expect(tornBytes).toBe(length >= secondEnd ? 0 : length - firstEnd);
    }
    for (let length = firstEnd - 1; length >= 0; length -= 7) {
      truncateSync(join(path, '00000001.journal'), length);
      expect((await scanJournal(path)).openNotes.size).toBe(0);
    }
  });

  it('counts what was torn, and replays what is before it', async () => {
    const journal = testJournal();
    const event = testEvent();
    journal.note(event);
    journal.commit();
    const folder = die(journal);
    journal.close();
    const segment = join(folder, 'dead-7-00000000', '00000001.journal');
    truncateSync(segment, statSync(segment).size - END_BYTES);
    appendFileSync(segment, Buffer.alloc(37, 9));
    const memory = memoryProducer();
    expect(await replayJournals(folder, replayOptions(memory))).toMatchObject({ orphans: 1, tornBytes: 37 });
    expect(memory.sent.map(({ id }) => id)).toEqual([hex(event)]);
  });

  it('leaves alone what is locked, what another version wrote, and what is of another topic', async () => {
    const folder = testFolder();
    const living = testJournal({ folder });
    const other = testJournal({ folder, topic: 'others' });
    other.note(testEvent());
    other.close();
    mkdirSync(join(folder, 'newer'));
    writeFileSync(join(folder, 'newer', '00000001.journal'), 'MSTJNL\x00\x03 and more');
    const memory = memoryProducer();
    const total = await replayJournals(folder, replayOptions(memory));
    expect(total).toMatchObject({ journals: 0, locked: 1, failed: 2 });
    expect(memory.sent).toEqual([]);
    expect(readdirSync(folder).length).toBe(3);
    living.close();
  });

  it('is done by one of two who try at the same time', async () => {
    const journal = testJournal();
    const events = Array.from({ length: 50 }, () => testEvent());
    for (const event of events) {
      journal.note(event);
    }
    journal.commit();
    const folder = die(journal);
    journal.close();
    const memory = memoryProducer();
    const both = await Promise.all([1, 2].map(() => replayJournals(folder, replayOptions(memory))));
    expect(both.map(({ orphans }) => orphans).toSorted()).toEqual([0, 50]);
    expect(memory.sent.length).toBe(50);
  });
});

describe('Outbox', () => {
  function send(outbox: Outbox, journal: ReturnType<typeof testJournal>, count: number): string[] {
    return Array.from({ length: count }, () => {
      const event = testEvent();
      const entry = journal.note(event);
      expect(outbox.send(entry, { eventId: event.eventId, records: [ended(event)] })).toBe(0);
      return hex(event);
    });
  }

  it('keeps events in the journal beyond the bound, and sends them oldest first afterwards', async () => {
    const journal = testJournal({ segmentBytesMax: 30_000 });
    const memory = memoryProducer(10);
    memory.producer.pendingBytes = 1e9;
    const outbox = new Outbox({ journal, producer: memory.producer, kafkaPartitions: 4, logger: SILENT });
    const ids = send(outbox, journal, 400);
    expect(outbox.isBehind).toBe(true);
    expect(memory.sent.map(({ id }) => id)).toEqual(ids.slice(0, 10));
    await turn();
    // Room again; events keep coming while the journal is read back.
    memory.producer.pendingBytes = 0;
    memory.room = Number.POSITIVE_INFINITY;
    while (outbox.isBehind) {
      ids.push(...send(outbox, journal, 3));
      await turn();
    }
    ids.push(...send(outbox, journal, 3));
    await until(() => memory.sent.length === ids.length);
    expect(memory.sent.slice(0, 400).map(({ id }) => id)).toEqual(ids.slice(0, 400));
    expect(new Set(memory.sent.map(({ id }) => id))).toEqual(new Set(ids));
    await outbox.close();
    journal.close();
  });

  it('sends to the Kafka partitions that it wrote down', async () => {
    const journal = testJournal();
    const memory = memoryProducer(0);
    memory.producer.pendingBytes = 1e9;
    const outbox = new Outbox({ journal, producer: memory.producer, kafkaPartitions: 3, logger: SILENT });
    const event = testEvent();
    const long = 'x'.repeat(4_000);
    for (let number = 0; number < 200; number++) {
      outbox.send(journal.note(event), {
        eventId: event.eventId,
        records: [ended(event, { usageRaw: long })],
      });
    }
    journal.commit();
    const folder = die(journal);
    await outbox.close();
    const replayed = memoryProducer();
    await replayJournals(folder, replayOptions(replayed));
    memory.producer.pendingBytes = 0;
    expect(replayed.sent.length).toBe(200);
    expect(new Set(replayed.sent.map(({ kafkaPartition }) => kafkaPartition)).size).toBe(3);
    journal.close();
  });

  it('loses and counts only what neither memory nor journal takes', () => {
    const journal = testJournal({ bytesMax: 1 });
    const memory = memoryProducer(1);
    const outbox = new Outbox({ journal, producer: memory.producer, kafkaPartitions: 4, logger: SILENT });
    const results = [1, 2].map(() => {
      const event = testEvent();
      const entry = journal.note(event);
      expect(entry).toBeNull();
      return outbox.send(entry, { eventId: event.eventId, records: [ended(event)] });
    });
    expect(results).toEqual([0, 1]);
    expect(memory.sent.length).toBe(1);
    expect(journal.stats).toMatchObject({ unnoted: 2, unkept: 1 });
    expect(outbox.isBehind).toBe(false);
    journal.close();
  });
});

describe('journal status', () => {
  it('says what each journal holds, and abandons one on request', async () => {
    const journal = testJournal();
    const event = testEvent();
    const entry = journal.note(event);
    journal.append(entry, {
      eventId: event.eventId,
      events: [{ ordinal: 0, kafkaPartition: 1, ...ended(event) }],
    });
    journal.note(testEvent());
    journal.commit();
    const [living] = await readJournalStatus(join(journal.path, '..'));
    expect(living).toMatchObject({ isLocked: true, openNotes: 1, unsettled: 1, segments: 1, tornBytes: 0 });
    expect(living?.opened).toMatchObject({ instance: 'proxy-1', topic: 'usage-events', topicId: TOPIC_ID });
    expect(await abandonJournal(join(journal.path, '..'), living?.name ?? '')).toBeNull();
    expect(journal.close()).toEqual({ openNotes: 1, unsettled: 1 });
    const lost = await abandonJournal(join(journal.path, '..'), living?.name ?? '');
    expect(lost).toMatchObject({ isLocked: false, openNotes: 1, unsettled: 1 });
    expect(await readJournalStatus(join(journal.path, '..'))).toEqual([]);
    expect(await readJournalStatus('/no/such/folder')).toEqual([]);
  });
});
