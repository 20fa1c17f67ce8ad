import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, startStack } from '@meterstone/local-stack';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Aggregator } from '../../services/aggregator/src/aggregator.ts';
import { type AggregatorLab, openAggregatorLab } from './aggregator-lab.ts';

const TEST_MS_MAX = 240_000;
const CACHE_FOLDER = join(import.meta.dirname, '../../.meterstone/cache');
const KAFKA_PARTITIONS = 3;
const UNDER_REPLICATED_MS = 4_000;

let folder: string;
let stack: Stack;
let lab: AggregatorLab;
let aggregator: Aggregator;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterstone-brokers-'));
  stack = await startStack({
    folder: join(folder, 'stack'),
    cacheFolder: CACHE_FOLDER,
    env: process.env,
    brokers: 3,
  });
  lab = await openAggregatorLab(stack, KAFKA_PARTITIONS, 3);
  aggregator = lab.open();
  await aggregator.start();
}, TEST_MS_MAX);

afterAll(async () => {
  await aggregator?.stop();
  await lab?.close();
  await stack?.stop(0);
  rmSync(folder, { recursive: true, force: true });
});

async function produceEverywhere(): Promise<void> {
  for (let kafkaPartition = 0; kafkaPartition < KAFKA_PARTITIONS; kafkaPartition++) {
    await lab.produce(kafkaPartition, 400);
  }
}

it('stores every event once while each broker but the controller is killed under load', {
  timeout: TEST_MS_MAX,
}, async () => {
  await produceEverywhere();
  await lab.rest();
  // The first one is the only controller: without it nobody could be made a leader.
  for (const broker of stack.kafka.slice(1)) {
    const load = produceEverywhere();
    await broker.kill('SIGKILL');
    await load;
    await produceEverywhere();
    await lab.rest();
    expect(await lab.findings()).toEqual([]);
    await broker.start();
  }
  await produceEverywhere();
  await lab.rest();
  expect(await lab.findings()).toEqual([]);
});

it('waits while too few replicas are in sync, and acknowledges and stores nothing until they are', {
  timeout: TEST_MS_MAX,
}, async () => {
  const stored = () => lab.rows('SELECT count() AS stored FROM raw_events');
  const before = await stored();
  const others = stack.kafka.slice(1);
  await Promise.all(others.map((broker) => broker.kill('SIGKILL')));
  let isAcknowledged = false;
  const load = produceEverywhere().then(() => {
    isAcknowledged = true;
  });
  await sleep(UNDER_REPLICATED_MS);
  expect(isAcknowledged).toBe(false);
  expect(await stored()).toEqual(before);
  await Promise.all(others.map((broker) => broker.start()));
  await load;
  await lab.rest();
  expect(await lab.findings()).toEqual([]);
});
