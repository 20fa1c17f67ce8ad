import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '@meterstone/local-stack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Aggregator } from '../../services/aggregator/src/aggregator.ts';
import { openTcpRelay, type RelayMoment, type TcpRelay } from '../support/tcp-relay.ts';
import { type AggregatorLab, openAggregatorLab } from './aggregator-lab.ts';
import { startOwnStack } from './system.ts';

const TEST_MS_MAX = 180_000;
const AIM_MS_MAX = 30_000;

let folder: string;
let stack: Stack;
let relay: TcpRelay;
let lab: AggregatorLab;
let aggregator: Aggregator;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterstone-aggregator-'));
  stack = await startOwnStack(folder, () => {});
  relay = await openTcpRelay({ target: new URL(stack.clickhouseUrl).host });
  lab = await openAggregatorLab(stack, 2);
  aggregator = lab.open({ clickhouseUrl: `http://${relay.address}` });
  await aggregator.start();
}, TEST_MS_MAX);

afterAll(async () => {
  await aggregator?.stop();
  await lab?.close();
  await relay?.close();
  await stack?.stop(0);
  rmSync(folder, { recursive: true, force: true });
});

/** Cuts the next request that inserts into a table, at a moment, and does something at it. */
async function cutInsert(
  table: string,
  aim: { moment: RelayMoment; delayMs?: number },
  act: () => void = () => {},
) {
  const pattern = Buffer.from(encodeURIComponent(`INSERT INTO ${table}`).replaceAll('%20', '+'));
  const other = Buffer.from(encodeURIComponent(`INSERT INTO ${table}`));
  const met = relay.aim(
    { ...aim, act, matches: (sent) => sent.includes(pattern) || sent.includes(other) },
    AIM_MS_MAX,
  );
  await lab.produce(0, 500);
  await lab.produce(1, 300);
  expect(await met).toBe(true);
}

describe('an insert whose answer is lost', () => {
  it.each(['users', 'raw_events', 'ingest_ranges'])(
    'into %s is stored once',
    { timeout: TEST_MS_MAX },
    async (table) => {
      await cutInsert(table, { moment: 'before_answer' });
      await lab.rest();
      expect(await lab.findings()).toEqual([]);
    },
  );
});

describe('ClickHouse killed', () => {
  it.each([0, 15, 40, 80, 150])(
    '%i ms into an insert has every block whole and once when it is back',
    { timeout: TEST_MS_MAX },
    async (delayMs) => {
      const [clickhouse] = stack.clickhouse;
      let killed: Promise<void> | undefined;
      await cutInsert('raw_events', { moment: 'while_forwarding', delayMs }, () => {
        killed = clickhouse?.kill('SIGKILL');
      });
      await killed;
      await clickhouse?.start();
      await lab.rest();
      expect(await lab.findings()).toEqual([]);
    },
  );
});
