import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { encodeUsageEvent } from '@meterstone/events';
import { type Journal, openJournal } from '@meterstone/journal';
import { createKafka, ensureTopics, readLogBounds, topicNames } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { exampleEvent } from '../../packages/events/src/example-event.ts';

const prefix = `cli-journal-${randomBytes(4).toString('hex')}`;
const topic = topicNames(prefix).usageEvents;
const folder = mkdtempSync(join(tmpdir(), 'cli-journal-'));
const journals = join(folder, 'journal');
const logger = createLogger({ service: 'cli-test', level: 'silent' });
const kafka = createKafka({ brokers: inject('kafkaBrokers').split(','), clientId: 'cli-test', logger });

beforeAll(() => ensureTopics(kafka, { prefix, kafkaPartitions: 2, replicationFactor: 1 }));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command line in a process of its own, against this test's folder and topic. */
async function meterstone(args: readonly string[], brokers = inject('kafkaBrokers')) {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('METERSTONE_'));
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../../packages/cli/src/main.ts'), ...args],
    {
      cwd: tmpdir(),
      env: {
        ...Object.fromEntries(others),
        METERSTONE_FOLDER: folder,
        METERSTONE_KAFKA_BROKERS: brokers,
        METERSTONE_TOPIC_PREFIX: prefix,
      },
    },
  );
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('exit', resolve)),
  ]);
  return { out, err, code };
}

function answers(out: string): Record<string, unknown>[] {
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event !== 'progress');
}

/** A journal with events that were never acknowledged, and one attempt that never ended. */
function fill(events: number): Journal {
  const journal = openJournal({
    folder: journals,
    instance: 'proxy-1',
    pid: 7,
    topic,
    topicId: null,
    bytesMax: 100_000_000,
    fsyncMs: 0,
    logger,
    now: Date.now,
    random: Math.random,
  });
  const slab = Buffer.alloc(8_192);
  for (let number = 0; number < events; number++) {
    const event = exampleEvent({ eventId: randomBytes(16) });
    const value = slab.subarray(0, encodeUsageEvent(event, slab, 0));
    const built = { ordinal: number, kafkaPartition: number % 2, key: event.operationId, value };
    journal.append(journal.note(event), { eventId: event.eventId, events: [built] });
  }
  journal.note(exampleEvent({ eventId: randomBytes(16), outcome: 'orphan', usageSource: 'estimated' }));
  journal.commit();
  return journal;
}

async function recordsOnKafka(): Promise<number> {
  const bounds = await readLogBounds(kafka, topic);
  return [...bounds.values()].reduce((sum, { end }) => sum + end, 0);
}

it('says that there is nothing to do where there is nothing', async () => {
  const shown = await meterstone(['journal', 'status']);
  expect(shown).toMatchObject({ code: 0, out: expect.stringContaining('everything is settled') });
  const replayed = await meterstone(['journal', 'replay', '--json']);
  expect(replayed.code).toBe(0);
  expect(answers(replayed.out)).toMatchObject([{ event: 'summary', journals: 0, events: 0, failed: 0 }]);
  // Nobody is asked for what is not needed.
  expect((await meterstone(['journal', 'replay'], '127.0.0.1:9')).code).toBe(0);
});

it('shows what dead and living proxies have, and sends what the dead ones left', async () => {
  const dead = fill(5);
  dead.close();
  const living = fill(2);
  const name = basename(dead.path);
  const shown = await meterstone(['journal', 'status', '--json']);
  expect(shown.code).toBe(0);
  expect(answers(shown.out)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name, locked: false, unsettled: 5, open_attempts: 1, topic }),
      expect.objectContaining({ name: basename(living.path), locked: true, unsettled: 2 }),
      expect.objectContaining({ event: 'summary', journals: 2, unsettled: 7, open_attempts: 2 }),
    ]),
  );
  expect((await meterstone(['journal', 'status'])).out).toMatch(new RegExp(`${name} +dead`));

  const away = await meterstone(['journal', 'replay'], '127.0.0.1:9');
  expect(away).toMatchObject({ code: 1, err: expect.stringContaining('could not be read') });
  expect(readdirSync(journals).length).toBe(2);

  const replayed = await meterstone(['journal', 'replay', '--json']);
  expect(replayed.code).toBe(0);
  expect(answers(replayed.out)).toMatchObject([
    { event: 'summary', journals: 1, events: 5, orphans: 1, moved: 0, locked: 1, failed: 0 },
  ]);
  expect(await recordsOnKafka()).toBe(6);
  expect(readdirSync(journals)).toEqual([basename(living.path)]);

  // A living proxy's journal is not given up either.
  const refused = await meterstone(['journal', 'abandon', basename(living.path), '--yes']);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('or its process lives') });
  living.close();
  const abandoned = await meterstone(['journal', 'abandon', basename(living.path), '--yes', '--json']);
  expect(abandoned.code).toBe(0);
  expect(answers(abandoned.out)).toMatchObject([{ event: 'abandoned', unsettled: 2, open_attempts: 1 }]);
  expect(readdirSync(journals)).toEqual([]);
  expect(await recordsOnKafka()).toBe(6);
  expect((await meterstone(['journal', 'abandon', name, '--yes'])).code).toBe(1);
});

const WRONG_USES: Readonly<Record<string, readonly string[]>> = {
  'a verb that there is not': ['journals'],
  'a part of a verb that there is not': ['journal', 'drop'],
  'no name of a journal': ['journal', 'abandon', '--yes'],
  'no yes': ['journal', 'abandon', 'proxy-1-7-00000000'],
  'an option that there is not': ['journal', 'replay', '--all'],
  'no dead letters named': ['dead-letters', 'replay'],
  'no number': ['dead-letters', 'list', '--limit', 'many'],
  'no day': ['audit', '--from', 'yesterday'],
  'two decisions': ['recover', '--from-ledger', '--skip-lost'],
};

it('answers wrong use with status 2, the error and how it is used', async () => {
  const uses = Object.entries(WRONG_USES).map(async ([what, args]) => ({
    what,
    ...(await meterstone(args)),
  }));
  for (const { what, code, err } of await Promise.all(uses)) {
    expect(code, what).toBe(2);
    expect(err, what).toMatch(/^error: /m);
    expect(err, what).toMatch(/^Usage: meterstone /m);
  }
});
