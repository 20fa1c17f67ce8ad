import { setTimeout as sleep } from 'node:timers/promises';
import { ROLLUPS } from '@meterstone/store';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createTcpRelay } from '../../packages/kafka/src/tcp-relay.ts';
import type { Aggregator } from '../../services/aggregator/src/aggregator.ts';
import { type AggregatorLab, openAggregatorLab } from './aggregator-lab.ts';
import { openSettingsRelay, type SettingsRelay } from './settings-relay.ts';

const TEST_MS_MAX = 120_000;
/** Longer than the session of a consumer. */
const GONE_MS = 12_000;
const ROWS = 8_000;

let lab: AggregatorLab;
let relay: SettingsRelay;
let aggregator: Aggregator | null = null;

beforeEach(async () => {
  const stack = { kafkaBrokers: inject('kafkaBrokers'), clickhouseUrl: inject('clickhouseUrl') };
  relay = await openSettingsRelay(stack.clickhouseUrl);
  lab = await openAggregatorLab(stack, 2);
});

afterEach(async () => {
  await aggregator?.stop();
  aggregator = null;
  await lab.close();
  await relay.close();
});

async function start(clickhouseUrl = relay.url): Promise<Aggregator> {
  aggregator = lab.open({ clickhouseUrl });
  await aggregator.start();
  return aggregator;
}

/** Produces under pressure, waits until it shows, takes it away, and holds everything against what was produced. */
async function press(code: string, { release }: { release: () => unknown }): Promise<void> {
  await lab.produce(0, 300);
  await lab.produce(1, 200);
  const failures = () => lab.metric('failures_total', `code="${code}"`);
  while ((await failures()) === 0) await sleep(50);
  expect(await lab.metric('lag_records')).toBeGreaterThan(0);
  expect(aggregator?.readiness().reasons.join()).toContain(code);
  await release();
  await lab.rest();
  expect(await lab.findings()).toEqual([]);
  expect(aggregator?.readiness()).toEqual({ ready: true, reasons: [] });
}

const alter = (table: string, change: string) =>
  lab.store.command({ query: `ALTER TABLE ${table} ${change}` });
/** What the server is asked to keep free is more than any disk has. */
const FULL = 'MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000';
const NOT_FULL = 'RESET SETTING min_free_disk_bytes_to_perform_insert';
const lastRollup = ROLLUPS.at(-1)?.name ?? '';

describe('a ClickHouse under pressure', () => {
  it('that is read-only is tried again until it takes rows', { timeout: TEST_MS_MAX }, async () => {
    await start();
    relay.impose({ table: 'raw_events', settings: { readonly: '1' } });
    await press('server_refused', { release: () => relay.impose(null) });
  });

  it.each(['raw_events', lastRollup])(
    'whose disk is full for %s is tried again, and a block that is stored in part is completed',
    { timeout: TEST_MS_MAX },
    async (table) => {
      await start();
      await alter(table, FULL);
      await press('server_busy', { release: () => alter(table, NOT_FULL) });
    },
  );

  it('that has too many parts is tried again until they are merged', { timeout: TEST_MS_MAX }, async () => {
    await start();
    await lab.produce(0, 10);
    await lab.rest();
    await lab.store.command({ query: 'SYSTEM STOP MERGES raw_events' });
    await alter('raw_events', 'MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1');
    const release = async () => {
      await alter('raw_events', 'RESET SETTING parts_to_throw_insert, parts_to_delay_insert');
      await lab.store.command({ query: 'SYSTEM START MERGES raw_events' });
    };
    await press('server_busy', { release });
  });

  it('that has no memory for a block gets it in halves, and one that is stored in part is completed', {
    timeout: TEST_MS_MAX,
  }, async () => {
    await lab.produce(0, ROWS);
    await start();
    await lab.rest();
    const whole = await memoryOfInsert();
    // First so much that raw is stored and a view is refused, then so little that raw itself is.
    for (const [share, metric] of [
      [0.85, 'failures_total'],
      [0.3, 'splits_total'],
    ] as const) {
      await aggregator?.stop();
      // Without an aggregator, so that it finds all of it at once.
      await lab.produce(1, ROWS);
      const before = await lab.metric(metric);
      const limit = { max_memory_usage: String(Math.floor(whole * share)) };
      relay.impose({ table: 'raw_events', settings: limit });
      await start();
      while ((await lab.metric(metric)) === before) await sleep(50);
      relay.impose(null);
      await lab.rest();
      expect(await lab.findings()).toEqual([]);
    }
  });

  it('that is gone for longer than the session of the group is waited for', {
    timeout: TEST_MS_MAX,
  }, async () => {
    const way = await createTcpRelay(new URL(inject('clickhouseUrl')).host);
    await start(`http://${way.address}`);
    await lab.produce(0, 10);
    await lab.rest();
    await way.cut();
    await press('unreachable', {
      release: async () => {
        await sleep(GONE_MS);
        await lab.produce(1, 50);
        await way.heal();
      },
    });
    await aggregator?.stop();
    aggregator = null;
    await way.cut();
  });
});

/** Bytes that the largest insert of rows took so far. */
async function memoryOfInsert(): Promise<number> {
  await lab.store.command({ query: 'SYSTEM FLUSH LOGS' });
  const [row] = await lab.rows(
    `SELECT max(memory_usage) AS bytes FROM system.query_log WHERE type = 'QueryFinish' AND current_database = '${lab.database}' AND query LIKE 'INSERT INTO raw_events%'`,
  );
  return Number(row?.['bytes']);
}
