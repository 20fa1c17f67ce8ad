import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { encodeDeadLetter } from '@meterstone/events';
import { createKafka, createProducer, ensureTopics, topicNames } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import { createStoreClient, migrate, ROLLUPS } from '@meterstone/store';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';

const suffix = randomBytes(4).toString('hex');
const prefix = `cli-${suffix}`;
const database = `cli_${suffix}`;
const kafka = createKafka({
  brokers: inject('kafkaBrokers').split(','),
  clientId: 'cli-test',
  logger: createLogger({ service: 'cli-test', level: 'silent' }),
});
const store = createStoreClient({
  url: inject('clickhouseUrl'),
  username: 'default',
  password: '',
  database,
});
const letters = createProducer({ kafka, topic: topicNames(prefix).deadLetters });

/** Runs the command line in a process of its own, against this test's topics and database. */
async function meterstone(...args: string[]) {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('METERSTONE_'));
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    cwd: tmpdir(),
    env: {
      ...Object.fromEntries(others),
      METERSTONE_KAFKA_BROKERS: inject('kafkaBrokers'),
      METERSTONE_CLICKHOUSE_URL: inject('clickhouseUrl'),
      METERSTONE_CLICKHOUSE_DATABASE: database,
      METERSTONE_TOPIC_PREFIX: prefix,
    },
  });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('exit', resolve)),
  ]);
  return { out, err, code };
}

/** The lines of `--json`, without progress. */
function answers(out: string): Record<string, unknown>[] {
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event !== 'progress');
}

beforeAll(async () => {
  await ensureTopics(kafka, { prefix, kafkaPartitions: 2, replicationFactor: 1 });
  await migrate({ client: store, database });
  const letter = {
    stream: 1,
    topic: topicNames(prefix).usageEvents,
    kafkaPartition: 1,
    kafkaOffset: 9,
    recordTimestamp: Date.UTC(2026, 10, 24),
    recordKey: null,
    recordValue: Buffer.from('no event'),
    code: 'undecodable',
    reason: 'it has no framing',
  };
  await letters.send([{ key: null, value: encodeDeadLetter(letter) }]);
});

afterAll(async () => {
  await Promise.all([letters.close(), store.close()]);
});

it('lists, shows and replays dead letters', async () => {
  const listed = await meterstone('dead-letters', 'list', '--json', '--code', 'undecodable');
  expect(listed.code).toBe(0);
  expect(answers(listed.out)).toMatchObject([
    { event: 'letter', id: '1-1-9', code: 'undecodable', bytes: 8 },
    { event: 'summary', letters: 1, shown: 1, unreadable: 0 },
  ]);
  const shown = await meterstone('dead-letters', 'show', '1-1-9');
  expect(shown.code).toBe(0);
  expect(shown.out).toContain('6e 6f 20 65 76 65 6e 74');
  expect(shown.err).toContain('read 1 of 1 letters');
  const replayed = await meterstone('dead-letters', 'replay', '--all', '--json');
  expect(replayed.code).toBe(0);
  expect(answers(replayed.out)).toMatchObject([
    { event: 'replay', id: '1-1-9', outcome: 'unfit' },
    { event: 'summary', sent: 0, unfit: 1 },
  ]);
});

it('tells a failure from wrong use by its exit status', async () => {
  const missing = await meterstone('dead-letters', 'show', '1-1-10');
  expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('there is no dead letter 1-1-10') });
  expect((await meterstone('dead-letters', 'replay')).code).toBe(2);
  expect((await meterstone('dead-letters', 'show', 'the-last')).code).toBe(2);
  expect((await meterstone('recover', '--from-ledger', '--skip-lost')).code).toBe(2);
});

it('audits, fails where it finds something, and repairs at rest', async () => {
  expect((await meterstone('audit')).code).toBe(0);
  const [rollup] = ROLLUPS.slice(-1);
  await store.command({
    query: `INSERT INTO ${rollup?.name} (org_id, period_start, output_tokens) SETTINGS async_insert = 0 VALUES ('acme', toDateTime('2026-11-24 10:00:00', 'UTC'), 7)`,
  });
  const found = await meterstone('audit', '--json');
  expect(found.code).toBe(1);
  expect(answers(found.out)).toMatchObject([
    { event: 'rollup_drift', rollup: rollup?.name, column: 'output_tokens', missing: '-7' },
    { event: 'summary', ledger_faults: 0, rollup_drifts: 1 },
  ]);
  expect((await meterstone('audit', '--to', '2026-11-24')).code).toBe(0);
  const repaired = await meterstone('audit', '--repair');
  expect(repaired).toMatchObject({ code: 0, out: expect.stringContaining('0 sums of rollups differ') });
  expect((await meterstone('audit')).code).toBe(0);
});

it('says which Kafka partitions stand still', async () => {
  const listed = await meterstone('recover', '--json');
  expect(listed).toMatchObject({ code: 0 });
  expect(answers(listed.out)).toEqual([{ event: 'summary', stops: 0 }]);
  expect(await meterstone('recover', '--skip-lost')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no Kafka partition waits for --skip-lost'),
  });
});
