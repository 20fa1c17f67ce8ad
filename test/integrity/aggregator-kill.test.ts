import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePorts } from '@meterstone/local-stack';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openTcpRelay, type RelayMoment, type TcpRelay } from '../support/tcp-relay.ts';
import { type AggregatorLab, openAggregatorLab } from './aggregator-lab.ts';
import { writePipelineConfig } from './pipeline-config.ts';
import { createServiceProcess, type ServiceProcess } from './service-process.ts';

const TEST_MS_MAX = 120_000;
const AIM_MS_MAX = 30_000;
const HEAD_BYTES = 4_096;

let folder: string;
let relay: TcpRelay;
let lab: AggregatorLab;
let aggregator: ServiceProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterstone-aggregator-kill-'));
  const stack = { kafkaBrokers: inject('kafkaBrokers'), clickhouseUrl: inject('clickhouseUrl') };
  relay = await openTcpRelay({ target: new URL(stack.clickhouseUrl).host });
  lab = await openAggregatorLab(stack, 2);
  const [port = 0] = await findFreePorts(1, Math.random);
  const { configPath, userKeySecret } = await writePipelineConfig(
    join(folder, 'config'),
    'http://127.0.0.1:9',
  );
  aggregator = createServiceProcess({
    name: 'aggregator',
    service: 'aggregator',
    port,
    logFolder: folder,
    env: {
      ...inherited(),
      METERSTONE_CONFIG: configPath,
      METERSTONE_FOLDER: folder,
      METERSTONE_INSTANCE: 'aggregator-1',
      METERSTONE_AGGREGATOR_PORT: String(port),
      METERSTONE_KAFKA_BROKERS: stack.kafkaBrokers,
      METERSTONE_CLICKHOUSE_URL: `http://${relay.address}`,
      METERSTONE_CLICKHOUSE_DATABASE: lab.database,
      METERSTONE_TOPIC_PREFIX: lab.prefix,
      METERSTONE_KAFKA_PARTITIONS: '2',
      METERSTONE_USER_KEY_SECRET: userKeySecret,
    },
  });
}, TEST_MS_MAX);

afterAll(async () => {
  await aggregator?.stop();
  await lab?.close();
  await relay?.close();
  rmSync(folder, { recursive: true, force: true });
});

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('METERSTONE_'),
    ),
  );
}

/** Ends the process with kill -9 at a moment of the next insert into a table. */
async function killAt(table: string, moment: RelayMoment): Promise<void> {
  const matches = (sent: Buffer) => {
    const head = sent.subarray(0, HEAD_BYTES).toString('latin1');
    return /INSERT[+ ]|INSERT%20/.test(head) && head.includes(table);
  };
  const met = relay.aim({ moment, matches, act: () => aggregator.kill() }, AIM_MS_MAX);
  await lab.produce(0, 700);
  await lab.produce(1, 300);
  expect(await met).toBe(true);
  await aggregator.gone();
}

async function metric(name: string): Promise<number> {
  const text = await fetch(`${aggregator.url}/metrics`).then((response) => response.text());
  const [, value = 'none'] =
    new RegExp(`^meterstone_aggregator_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text) ?? [];
  return Number(value);
}

it.each([
  ['after the intent, before the users', 'users', 'before_forwarding'],
  ['after the intent, before the rows', 'raw_events', 'before_forwarding'],
  ['in the middle of the rows', 'raw_events', 'while_forwarding'],
  ['after the rows, unheard', 'raw_events', 'before_answer'],
  ['after the rows, before the ledger', 'ingest_ranges', 'before_forwarding'],
  ['after the ledger, before the commit', 'ingest_ranges', 'before_answer'],
] as const)(
  'an aggregator killed %s leaves every event stored once',
  { timeout: TEST_MS_MAX },
  async (_, table, moment) => {
    aggregator.start();
    expect(await aggregator.ready(TEST_MS_MAX)).toBe(true);
    await killAt(table, moment);
    aggregator.start();
    await lab.rest();
    expect(await lab.findings()).toEqual([]);
    expect(await metric('intents_carried_out_total')).toBeGreaterThanOrEqual(
      table === 'ingest_ranges' ? 0 : 1,
    );
  },
);
