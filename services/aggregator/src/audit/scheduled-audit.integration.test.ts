import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createKafka,
  createPartitionConsumer,
  ensureTopics,
  type PartitionConsumer,
  readTopicId,
  topicNames,
} from '@meterstone/kafka';
import { createLogger, createRegistry } from '@meterstone/runtime';
import {
  createStoreClient,
  insertLedgerRange,
  type LedgerRange,
  migrate,
  mintStream,
  ROLLUPS,
} from '@meterstone/store';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { BlockFacts } from '../block-facts.ts';
import { type ScheduledAudit, scheduleAudit } from './scheduled-audit.ts';

const suffix = randomBytes(4).toString('hex');
const prefix = `audit-${suffix}`;
const database = `audit_${suffix}`;
const topic = topicNames(prefix).usageEvents;
const groupId = `${prefix}.aggregator`;
const logger = createLogger({ service: 'audit-test', level: 'silent' });
const store = createStoreClient({
  url: inject('clickhouseUrl'),
  username: 'default',
  password: '',
  database,
});
const PERIOD_MS = 100;

const running: { stop(): unknown }[] = [];

beforeAll(async () => {
  await ensureTopics(kafkaOf('test'), { prefix, kafkaPartitions: 2, replicationFactor: 1 });
  await migrate({ client: store, database });
});

afterEach(async () => {
  for (const { stop } of running.splice(0).reverse()) await stop();
});

afterAll(() => store.close());

function kafkaOf(clientId: string) {
  return createKafka({ brokers: inject('kafkaBrokers').split(','), clientId, logger });
}

/** A member of the group, as an aggregator is one, and its audit. */
interface Member {
  readonly clientId: string;
  readonly logged: string[];
  metric(name: string, label?: string): Promise<number>;
  leave(): Promise<void>;
}

async function join(clientId: string, periodMs = PERIOD_MS, client = store): Promise<Member> {
  const kafka = kafkaOf(clientId);
  const consumer: PartitionConsumer = createPartitionConsumer({
    kafka,
    groupId,
    topic,
    instance: clientId,
    onBatch: async () => undefined,
  });
  const registry = createRegistry({ service: 'audit-test' });
  const logged: string[] = [];
  const audit: ScheduledAudit = scheduleAudit({
    periodMs,
    clientId,
    kafka,
    groupId,
    topic,
    store: client,
    registry,
    logger: createLogger({
      service: 'audit-test',
      level: 'info',
      destination: { write: (line: string) => void logged.push(line) },
    }),
    now: Date.now,
  });
  let isIn = true;
  const leave = async () => {
    audit.stop();
    if (isIn) await consumer.close();
    isIn = false;
  };
  running.push({ stop: leave });
  await consumer.start();
  return {
    clientId,
    logged,
    leave,
    metric: async (name, label = '') =>
      (await registry.metrics())
        .split('\n')
        .filter((line) => line.startsWith(`meterstone_aggregator_audit_${name}{`) && line.includes(label))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0),
  };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(30);
}

const rollup = ROLLUPS.at(-1)?.name ?? '';
const completed = 'result="completed"';

/** A rollup's row that raw has nothing for, some days ago. */
async function plantDrift(daysAgo: number): Promise<void> {
  await store.command({
    query: `INSERT INTO ${rollup} (org_id, period_start, output_tokens) SETTINGS async_insert = 0 VALUES ('acme', toStartOfDay(now('UTC')) - INTERVAL ${daysAgo} DAY, 7)`,
  });
}

/** Rows of Kafka partition 1, one an offset, in raw and in the rollups. */
async function insertRaw(day: string, { from, rows }: { from: number; rows: number }): Promise<void> {
  await store.command({
    query: `INSERT INTO raw_events (org_id, occurred_at, stream, kafka_partition, kafka_offset) SELECT 'acme', '${day} 00:00:00', 1, 1, ${from} + number FROM numbers(${rows})`,
    clickhouse_settings: { async_insert: 0 },
  });
}

/** By all audits of this file so far. */
async function rawRowsRead(): Promise<number> {
  await store.command({ query: 'SYSTEM FLUSH LOGS' });
  const answer = await store.query({
    query: `SELECT sum(read_rows) FROM system.query_log WHERE type = 'QueryFinish' AND query_kind = 'Select' AND has(tables, '${database}.raw_events')`,
    format: 'JSONCompactStrings',
  });
  return Number((await answer.json<string[]>()).data[0]?.[0]);
}

const range = (firstOffset: number, nextOffset: number): LedgerRange => ({
  stream: 1,
  kafkaPartition: 1,
  firstOffset,
  nextOffset,
  token: `token-${firstOffset}`,
  epoch: 'epoch',
  rowLayout: 1,
  checksum: 'checksum',
  records: nextOffset - firstOffset,
  stored: 0,
  duplicates: nextOffset - firstOffset,
  deadLetters: 0,
  ingestedAtMax: null,
  sums: new BlockFacts().sums(),
});

describe('the audit on a schedule', () => {
  it('is made by the owner of Kafka partition 0 alone, and shows what was planted', async () => {
    const first = await join('auditor-1');
    await until(async () => (await first.metric('runs_total', completed)) > 0);
    expect(await first.metric('last_run_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 60);
    expect(await first.metric('findings')).toBe(0);
    expect(first.logged.join('')).toContain('audit found nothing wrong');

    const second = await join('auditor-2');
    await plantDrift(2);
    await until(async () => (await first.metric('differences', `table="${rollup}"`)) === 1);
    expect(first.logged.join('')).toContain('output_tokens lacks -7');
    // Of today nothing is said yet.
    await plantDrift(0);
    await mintStream(store, { topic, fingerprint: await readTopicId(kafkaOf('test'), topic) });
    await insertLedgerRange(store, range(0, 10));
    await insertLedgerRange(store, range(20, 30));
    await until(async () => (await first.metric('ledger_faults', 'kind="gap"')) === 1);
    // The log holds none of it either.
    expect(await first.metric('ledger_faults', 'kind="log_ends_before"')).toBe(1);
    expect(await first.metric('findings')).toBe(3);
    expect(await second.metric('runs_total', completed)).toBe(0);

    await first.leave();
    await until(async () => (await second.metric('findings')) === 3);
  });

  it('finds rows that raw has lost and rows that it has twice, and reads no old rows that are as they were', async () => {
    const member = await join('auditor-5');
    const differing = () => member.metric('ledger_faults', 'kind="count_differs"');
    const passed = async (passes: number) => {
      const target = (await member.metric('runs_total', completed)) + passes;
      await until(async () => (await member.metric('runs_total', completed)) >= target);
    };
    // Offset 40 on is of no range that an earlier test has stored.
    await insertRaw('2026-01-05', { from: 40, rows: 5_000 });
    await insertLedgerRange(store, { ...range(40, 5_040), stored: 5_000, duplicates: 0 });
    await insertRaw('2026-02-05', { from: 5_040, rows: 5_000 });
    await insertLedgerRange(store, { ...range(5_040, 10_040), stored: 5_000, duplicates: 0 });
    await passed(2);
    expect(await differing()).toBe(0);

    // ClickHouse may merge the parts of a month once more.
    await until(async () => {
      const before = await rawRowsRead();
      await passed(3);
      return (await rawRowsRead()) === before;
    });
    const before = await rawRowsRead();
    await insertRaw('2026-03-05', { from: 10_040, rows: 10 });
    await insertLedgerRange(store, { ...range(10_040, 10_050), stored: 10, duplicates: 0 });
    await passed(3);
    expect((await rawRowsRead()) - before).toBeLessThan(1_000);
    expect(await differing()).toBe(0);

    await insertRaw('2026-01-05', { from: 50, rows: 1 });
    await until(async () => (await differing()) === 1);
    expect(member.logged.join('')).toContain('the ledger says 10010 rows, raw has 10011');
    await store.command({ query: 'DELETE FROM raw_events WHERE kafka_offset = 50' });
    await until(async () => member.logged.join('').includes('the ledger says 10010 rows, raw has 10009'));
    expect(await differing()).toBe(1);
  });

  it('is never made where the period is 0', async () => {
    const member = await join('auditor-3', 0);
    await sleep(5 * PERIOD_MS);
    expect(await member.metric('runs_total')).toBe(0);
  });

  it('that cannot be made is counted, and the next one comes', async () => {
    const nowhere = createStoreClient({ url: 'http://127.0.0.1:9', username: '', password: '', database });
    const member = await join('auditor-4', PERIOD_MS, nowhere);
    await until(async () => (await member.metric('runs_total', 'result="failed"')) > 1);
    expect(member.logged.join('')).toContain('audit could not be made');
    await nowhere.close();
  });
});
