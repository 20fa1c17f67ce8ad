import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePorts } from './ports.ts';
import { type Stack, type StackOptions, startStack } from './stack.ts';
import type { ServerExit } from './stack-server.ts';

const cacheFolder = fileURLToPath(new URL('../../../.meterstone/cache', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'local stack & more-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const start = (name: string, more: Partial<StackOptions> = {}): Promise<Stack> =>
  startStack({ folder: join(root, name), cacheFolder, env: process.env, ...more });

/** Asks ClickHouse by HTTP; the text of the answer, or of the error with its status before it. */
async function query(url: string, sql: string, user = 'default', password = ''): Promise<string> {
  const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password };
  const answer = await fetch(url, { method: 'POST', body: sql, headers });
  const text = (await answer.text()).trim();
  return answer.ok ? text : `${answer.status} ${text}`;
}

function connect(brokers: string): Kafka {
  return new Kafka({
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, maxRetryTime: 1_000 },
  });
}

async function produce(brokers: string, topic: string, value: string): Promise<void> {
  const producer = connect(brokers).producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ value }] });
  await producer.disconnect();
}

/** The values of the topic's only partition, as soon as there are so many. */
async function consume(brokers: string, topic: string, count: number): Promise<string[]> {
  const consumer = connect(brokers).consumer({ groupId: `${topic}-${Math.random()}`, maxWaitTimeInMs: 200 });
  const values: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
      values.push(String(message.value));
      if (values.length >= count) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return values;
}

async function createTopic(brokers: string, topic: string, replicationFactor: number): Promise<void> {
  const admin = connect(brokers).admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic, numPartitions: 1, replicationFactor }],
    waitForLeaders: true,
  });
  await admin.disconnect();
}

describe('one broker and one ClickHouse server', () => {
  let stack: Stack;
  const exits: ServerExit[] = [];
  const progress: string[] = [];
  beforeAll(async () => {
    const databases = ['metered'];
    stack = await start('single', {
      databases,
      onServerExit: (exit) => exits.push(exit),
      onProgress: (line) => progress.push(line),
    });
    await query(stack.clickhouseUrl, 'CREATE DATABASE metered ENGINE = Atomic');
    await query(stack.clickhouseUrl, 'CREATE TABLE metered.facts (n UInt32) ENGINE = MergeTree ORDER BY n');
    await createTopic(stack.kafkaBrokers, 'facts', 1);
  });
  afterAll(() => stack?.stop());

  it('tells what it does and lists every process', () => {
    expect(progress.join('\n')).toMatch(/starting kafka-1.*kafka-1 answers \(\d+ ms\)/s);
    expect(Object.keys(stack.pids()).sort()).toEqual([
      'clickhouse-1',
      'clickhouse-1-guardian',
      'kafka-1',
      'kafka-1-guardian',
    ]);
  });

  it('gives back on Kafka what was produced', async () => {
    await produce(stack.kafkaBrokers, 'facts', 'one');
    expect(await consume(stack.kafkaBrokers, 'facts', 1)).toEqual(['one']);
  });

  it('lets ingest write with settings that store once, and report and analyst read', async () => {
    const insert = 'INSERT INTO metered.facts VALUES (7)';
    expect(await query(stack.clickhouseUrl, insert, 'ingest', 'ingest')).toBe('');
    for (const user of ['ingest', 'report', 'analyst']) {
      expect(await query(stack.clickhouseUrl, 'SELECT n FROM metered.facts', user, user)).toBe('7');
    }
    const names = "'async_insert', 'insert_deduplicate', 'optimize_on_insert', 'deduplicate_insert'";
    const settings = `SELECT groupArray(name || '=' || value) FROM (SELECT * FROM system.settings WHERE name IN (${names}) ORDER BY name)`;
    expect(await query(stack.clickhouseUrl, settings, 'ingest', 'ingest')).toBe(
      "['async_insert=0','deduplicate_insert=enable','insert_deduplicate=1','optimize_on_insert=0']",
    );
  });

  it('refuses a wrong password, a write without the right, a look at others and a lifted bound', async () => {
    const select = 'SELECT n FROM metered.facts';
    await query(stack.clickhouseUrl, 'SYSTEM FLUSH LOGS');
    expect(await query(stack.clickhouseUrl, select, 'report', 'wrong')).toMatch(/^\d+ Code: 516/);
    for (const user of ['report', 'analyst']) {
      const ask = (sql: string): Promise<string> => query(stack.clickhouseUrl, sql, user, user);
      expect(await ask('INSERT INTO metered.facts VALUES (8)')).toMatch(/^\d+ Code: (497|164)/);
      expect(await ask('CREATE TABLE metered.mine (n Int8) ENGINE = Memory')).toMatch(/^\d+ Code: (497|164)/);
      expect(await ask('SELECT count() FROM system.query_log')).toMatch(/^\d+ Code: 497/);
      expect(await ask('SELECT 1 SETTINGS max_execution_time = 3600')).toMatch(/^\d+ Code: 452/);
      expect(await ask('SELECT 1 SETTINGS max_memory_usage = 0')).toMatch(/^\d+ Code: 452/);
    }
  });

  it('refuses the same folder to a second stack while the first one runs', async () => {
    await expect(start('single')).rejects.toMatchObject({ code: 'already_running' });
  });

  it('refuses a port in use before it starts anything', async () => {
    const port = Number(stack.kafkaBrokers.split(':')[1]);
    const refusal = start('refused', { ports: { kafka: [port] } });
    await expect(refusal).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(`port ${port} for Kafka is already in use (set METERSTONE_KAFKA_PORT`),
    });
  });

  it('tells when a server ends unasked, and keeps its data over kill -9 and a restart', async () => {
    const [kafka, clickhouse] = [stack.kafka[0], stack.clickhouse[0]];
    process.kill(kafka?.pid ?? 0, 'SIGKILL');
    process.kill(clickhouse?.guardianPid ?? 0, 'SIGKILL');
    await expect
      .poll(() => exits.map(({ name }) => name).sort(), { timeout: 20_000 })
      .toEqual(['clickhouse-1', 'kafka-1']);
    expect(exits.find(({ name }) => name === 'kafka-1')).toMatchObject({
      signal: 'SIGKILL',
      guardianLost: false,
    });
    expect(exits.find(({ name }) => name === 'clickhouse-1')).toMatchObject({ guardianLost: true });
    expect(stack.pids()).toEqual({});
    await Promise.all([kafka?.restart(), clickhouse?.restart()]);
    expect(await query(stack.clickhouseUrl, 'SELECT n FROM metered.facts')).toBe('7');
    await produce(stack.kafkaBrokers, 'facts', 'two');
    expect(await consume(stack.kafkaBrokers, 'facts', 2)).toEqual(['one', 'two']);
  });

  it('kills for a fault test without calling it unasked', async () => {
    exits.length = 0;
    await stack.clickhouse[0]?.kill('SIGKILL');
    expect(stack.clickhouse[0]?.pid).toBeNull();
    await stack.clickhouse[0]?.restart();
    expect(await query(stack.clickhouseUrl, 'SELECT n FROM metered.facts')).toBe('7');
    expect(exits).toEqual([]);
  });

  it('goes on with the same data on other ports after a stop and a new start', async () => {
    await stack.stop();
    expect(stack.pids()).toEqual({});
    stack = await start('single');
    expect(await query(stack.clickhouseUrl, 'SYSTEM FLUSH LOGS')).toBe('');
    expect(Number(await query(stack.clickhouseUrl, 'SELECT count() FROM system.query_log'))).toBeGreaterThan(
      0,
    );
    expect(await query(stack.clickhouseUrl, 'SELECT n FROM metered.facts')).toBe('7');
    expect(await consume(stack.kafkaBrokers, 'facts', 2)).toEqual(['one', 'two']);
  });
});

it('says why a server did not start, with the end of its log', async () => {
  const blocked = start('blocked', { kafkaJvm: ['-Xmx1m', '-XX:NoSuchFlag'] });
  await expect(blocked).rejects.toMatchObject({
    code: 'start_failed',
    message: expect.stringMatching(/^kafka-1 ended with status 1; last lines of .*NoSuchFlag/s),
  });
});

it('starts no server any more once the stack was stopped', async () => {
  const stack = await start('stopped');
  const restarting = stack.clickhouse[0]?.restart();
  await Promise.all([expect(restarting).rejects.toMatchObject({ code: 'start_failed' }), stack.stop(0)]);
  await expect(stack.kafka[0]?.start()).rejects.toThrow('kafka-1 was stopped for good');
  expect(stack.pids()).toEqual({});
});

it('starts nothing when a port of a later part is taken', async () => {
  const [port = 0] = await findFreePorts(1);
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  await expect(start('taken', { ports: { clickhouseTcp: [port] } })).rejects.toMatchObject({
    code: 'port_in_use',
  });
  server.close();
});

it('moves the leader when one of three brokers is killed', async () => {
  const stack = await start('cluster', { brokers: 3 });
  try {
    await createTopic(stack.kafkaBrokers, 'copied', 3);
    await produce(stack.kafkaBrokers, 'copied', 'before');
    const admin = connect(stack.kafkaBrokers).admin();
    await admin.connect();
    const leader = async (): Promise<number | undefined> =>
      (await admin.fetchTopicMetadata({ topics: ['copied'] })).topics[0]?.partitions[0]?.leader;
    // The controller shares a process with broker 1 and must stay.
    const killed = [1, undefined].includes(await leader()) ? 2 : ((await leader()) ?? 2);
    await stack.kafka[killed - 1]?.kill('SIGKILL');
    await produce(stack.kafkaBrokers, 'copied', 'after');
    expect(await leader()).not.toBe(killed);
    await stack.kafka[killed - 1]?.restart();
    expect(await consume(stack.kafkaBrokers, 'copied', 2)).toEqual(['before', 'after']);
    await admin.disconnect();
  } finally {
    await stack.stop(0);
  }
});

it('spreads a table over two ClickHouse servers', async () => {
  const stack = await start('shards', { shards: 2 });
  try {
    for (const [index, url] of stack.clickhouseUrls.entries()) {
      await query(url, 'CREATE DATABASE spread ENGINE = Atomic');
      await query(url, 'CREATE TABLE spread.local (n UInt32) ENGINE = MergeTree ORDER BY n');
      await query(url, `INSERT INTO spread.local VALUES (${index + 1})`);
    }
    const all = "SELECT sum(n) FROM cluster('meterstone', spread.local)";
    expect(await query(stack.clickhouseUrl, all)).toBe('3');
  } finally {
    await stack.stop(0);
  }
});
