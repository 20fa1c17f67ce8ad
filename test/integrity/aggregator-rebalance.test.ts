import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Aggregator } from '../../services/aggregator/src/aggregator.ts';
import { openTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';
import { type AggregatorLab, openAggregatorLab } from './aggregator-lab.ts';

const KAFKA_PARTITIONS = 6;
const TEST_MS_MAX = 180_000;

let lab: AggregatorLab;
/** Between the first aggregator and ClickHouse. */
let relay: TcpRelay;
const running: Aggregator[] = [];

beforeEach(async () => {
  const stack = { kafkaBrokers: inject('kafkaBrokers'), clickhouseUrl: inject('clickhouseUrl') };
  relay = await openTcpRelay({ target: new URL(stack.clickhouseUrl).host });
  lab = await openAggregatorLab(stack, KAFKA_PARTITIONS);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((aggregator) => aggregator.stop()));
  await lab.close();
  await relay.close();
});

async function join(instance: string, clickhouseUrl = inject('clickhouseUrl')): Promise<Aggregator> {
  const aggregator = lab.open({ instance, clickhouseUrl });
  running.push(aggregator);
  await aggregator.start();
  return aggregator;
}

async function leave(aggregator: Aggregator): Promise<void> {
  running.splice(running.indexOf(aggregator), 1);
  await aggregator.stop();
}

/** Produces to all Kafka partitions until told to end, so that at any moment records are read and not yet stored. */
function load() {
  let isOver = false;
  const done = (async () => {
    for (let round = 0; !isOver; round++) {
      await lab.produce(round % KAFKA_PARTITIONS, 200);
      await sleep(40);
    }
  })();
  return async () => {
    isOver = true;
    await done;
  };
}

/** Cuts every insert of the first aggregator meanwhile: what it has read stays unstored, its intents stay open. */
async function withoutInserts(work: () => Promise<void>): Promise<void> {
  let isOver = false;
  const matches = (sent: Buffer) => /INSERT[+ ]|INSERT%20/.test(sent.subarray(0, 4_096).toString('latin1'));
  const cutting = (async () => {
    while (!isOver) await relay.aim({ moment: 'before_forwarding', matches, act: () => {} }, 1_000);
  })();
  await work();
  isOver = true;
  relay.giveUp();
  await cutting;
}

describe('live rebalances', () => {
  it('lose and double nothing while two and three aggregators come and go', {
    timeout: TEST_MS_MAX,
  }, async () => {
    for (let kafkaPartition = 0; kafkaPartition < KAFKA_PARTITIONS; kafkaPartition++) {
      await lab.produce(kafkaPartition, 2_000);
    }
    const first = await join('one', `http://${relay.address}`);
    const endLoad = load();
    const second = await join('two');
    await sleep(1_500);
    let third: Aggregator | undefined;
    await withoutInserts(async () => {
      await sleep(1_000);
      third = await join('three');
      await sleep(1_500);
    });
    await sleep(1_000);
    await leave(second);
    await sleep(1_000);
    const again = await join('two');
    await sleep(500);
    await leave(first);
    if (third !== undefined) await leave(third);
    await sleep(1_000);
    await endLoad();
    await lab.rest();
    expect(await lab.findings()).toEqual([]);
    expect(again.readiness()).toEqual({ ready: true, reasons: [] });
    // Ranges were in hand that one had begun and another, or the same one after the rebalance, finished.
    expect(await lab.metric('intents_carried_out_total')).toBeGreaterThan(0);
    expect(await lab.metric('verifications_total')).toBeGreaterThan(0);
    // Each was built again as it had been: a block that comes out another one stops.
    expect(await lab.metric('failures_total', 'partition_stopped')).toBe(0);
  });
});
