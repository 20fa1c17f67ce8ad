import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Aggregator } from '../../services/aggregator/src/aggregator.ts';
import { type AggregatorLab, openAggregatorLab } from './aggregator-lab.ts';

const KAFKA_PARTITIONS = 6;
const TEST_MS_MAX = 180_000;

let lab: AggregatorLab;
const running: Aggregator[] = [];

beforeEach(async () => {
  const stack = { kafkaBrokers: inject('kafkaBrokers'), clickhouseUrl: inject('clickhouseUrl') };
  lab = await openAggregatorLab(stack, KAFKA_PARTITIONS);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((aggregator) => aggregator.stop()));
  await lab.close();
});

async function join(instance: string): Promise<Aggregator> {
  const aggregator = lab.open({ instance });
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
      await lab.produce(round % KAFKA_PARTITIONS, 400);
    }
  })();
  return async () => {
    isOver = true;
    await done;
  };
}

describe('live rebalances', () => {
  it('lose and double nothing while two and three aggregators come and go', {
    timeout: TEST_MS_MAX,
  }, async () => {
    for (let kafkaPartition = 0; kafkaPartition < KAFKA_PARTITIONS; kafkaPartition++) {
      await lab.produce(kafkaPartition, 2_000);
    }
    const first = await join('one');
    const endLoad = load();
    const second = await join('two');
    await sleep(1_500);
    const third = await join('three');
    await sleep(1_500);
    await leave(second);
    await sleep(1_000);
    const again = await join('two');
    await sleep(500);
    await leave(first);
    await leave(third);
    await sleep(1_000);
    await endLoad();
    await lab.rest();
    expect(await lab.findings()).toEqual([]);
    expect(again.readiness()).toEqual({ ready: true, reasons: [] });
    // Each join and each leave lets ranges be read again that were in hand elsewhere: there were many small ones.
    const [ledger] = await lab.rows('SELECT count() AS ranges FROM ingest_ranges');
    expect(Number(ledger?.['ranges'])).toBeGreaterThan(KAFKA_PARTITIONS * 3);
  });
});
