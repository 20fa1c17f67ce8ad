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
