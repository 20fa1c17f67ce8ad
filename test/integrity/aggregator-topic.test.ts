import { setTimeout as sleep } from 'node:timers/promises';
import { decodeDeadLetter } from '@meterstone/events';
import { createProducer, ensureTopics, fetchPositions, readRange, topicNames } from '@meterstone/kafka';
import { decide } from '@meterstone/recovery';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Aggregator } from '../../services/aggregator/src/aggregator.ts';
import { type AggregatorLab, openAggregatorLab } from './aggregator-lab.ts';

let lab: AggregatorLab;
let running: Aggregator | null = null;

beforeEach(async () => {
  const stack = { kafkaBrokers: inject('kafkaBrokers'), clickhouseUrl: inject('clickhouseUrl') };
  lab = await openAggregatorLab(stack, 2);
});

afterEach(async () => {
  await stop();
  await lab.close();
});

async function start(): Promise<Aggregator> {
  running = lab.open();
  await running.start();
  return running;
}

async function stop(): Promise<void> {
  await running?.stop();
  running = null;
}

/** Two Kafka partitions with something stored of each, and no aggregator. */
async function storeSome(): Promise<void> {
  await lab.produce(0, 300);
  await lab.produce(1, 200);
  await start();
  await lab.rest();
  await stop();
}

async function admin<T>(
  work: (client: ReturnType<AggregatorLab['kafka']['kafkajs']['admin']>) => Promise<T>,
) {
  const client = lab.kafka.kafkajs.admin();
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.disconnect();
  }
}

async function reasons(aggregator: Aggregator, count: number): Promise<readonly string[]> {
  for (;;) {
    const found = aggregator.readiness().reasons.filter((reason) => reason.includes('stopped'));
    if (found.length >= count) return found;
    await sleep(50);
  }
}

const deleteGroup = () => admin((client) => client.deleteGroups([lab.groupId]));

describe('positions of the group', () => {
  it("that are gone are the ledger's, and nothing is stored twice", async () => {
    await storeSome();
    await deleteGroup();
    expect(await fetchPositions(lab)).toEqual(new Map());
    await lab.produce(0, 50);
    await start();
    await lab.rest();
    expect(await lab.findings()).toEqual([]);
    // Kafka was moved forward for the one without new records too.
    expect((await fetchPositions(lab)).get(1)?.nextOffset).toBe(200);
  });

  it('that are behind are moved forward to the ledger', async () => {
    await storeSome();
    const partitions = [{ partition: 0, offset: '100' }];
    await admin((client) => client.setOffsets({ groupId: lab.groupId, topic: lab.topic, partitions }));
    await lab.produce(0, 50);
    await start();
    await lab.rest();
    expect(await lab.findings()).toEqual([]);
  });

  it('that are ahead of the ledger stop their Kafka partition alone, naming both numbers', async () => {
    await storeSome();
    await lab.store.command({ query: 'DELETE FROM ingest_ranges WHERE kafka_partition = 0' });
    await lab.produce(1, 20);
    const aggregator = await start();
    expect(await reasons(aggregator, 1)).toEqual([
      expect.stringMatching(
        /partition 0: stopped, Kafka's position 300 is ahead of the ledger's 0.*meterstone recover/,
      ),
    ]);
    await lab.produce(0, 10);
    for (;;) {
      const positions = await fetchPositions(lab);
      if (positions.get(1)?.nextOffset === 220) break;
      await sleep(50);
    }
    expect(await lab.rows('SELECT count() AS stored FROM raw_events WHERE kafka_partition = 0')).toEqual([
      { stored: '300' },
    ]);
  });
});

describe('a topic', () => {
  it('that was deleted and made again stops, and its records are not taken for the old ones', async () => {
    await storeSome();
    await admin((client) => client.deleteTopics({ topics: [lab.topic] }));
    await deleteGroup();
    await sleep(500);
    await ensureTopics(lab.kafka, { prefix: lab.prefix, kafkaPartitions: 2, replicationFactor: 1 });
    // It has grown past the ledger, where the numbers alone would say that all is well.
    await lab.produce(0, 400);
    await lab.produce(1, 300);
    const aggregator = await start();
    for (const reason of await reasons(aggregator, 2)) {
      expect(reason).toMatch(
        /stopped, .* was deleted and made again: its id is [0-9a-f]{32}, .*meterstone recover/,
      );
    }
    expect(await lab.rows('SELECT count() AS stored FROM raw_events')).toEqual([{ stored: '500' }]);
    expect(await fetchPositions(lab)).toEqual(new Map());
  });

  it('that was made again and is begun anew takes what comes again for what it is', async () => {
    await storeSome();
    await admin((client) => client.deleteTopics({ topics: [lab.topic] }));
    await deleteGroup();
    await sleep(500);
    await ensureTopics(lab.kafka, { prefix: lab.prefix, kafkaPartitions: 2, replicationFactor: 1 });
    // As the replay of a journal does whose last acknowledgements were lost.
    await lab.repeat(0, 120);
    await lab.produce(1, 30);
    expect(await decide('new-stream', lab)).toEqual([
      { kafkaPartition: 0, position: 0, lostOffsets: 0 },
      { kafkaPartition: 1, position: 0, lostOffsets: 0 },
    ]);
    await start();
    await lab.rest();
    expect(
      await lab.rows('SELECT stream, count() AS stored FROM raw_events GROUP BY stream ORDER BY stream'),
    ).toMatchObject([{ stored: '500' }, { stored: '30' }]);
    expect(await lab.metric('duplicates_total')).toBe(120);
  });

  it('whose log starts beyond the ledger stops', async () => {
    await storeSome();
    await lab.produce(0, 100);
    await admin(async (client) => {
      await client.fetchTopicOffsets(lab.topic);
      await client.deleteTopicRecords({ topic: lab.topic, partitions: [{ partition: 0, offset: '350' }] });
    });
    const aggregator = await start();
    expect(await reasons(aggregator, 1)).toEqual([
      expect.stringMatching(/partition 0: stopped, the log starts at 350, beyond the ledger's 300/),
    ]);
    expect((await fetchPositions(lab)).get(0)?.nextOffset).toBe(300);
  });
});

describe('events that come again after the log has lost them', () => {
  it('are found among what is stored', async () => {
    await storeSome();
    await admin(async (client) => {
      await client.fetchTopicOffsets(lab.topic);
      await client.deleteTopicRecords({ topic: lab.topic, partitions: [{ partition: 0, offset: '300' }] });
    });
    await start();
    await lab.produce(0, 40);
    await lab.repeat(0, 120);
    await lab.rest();
    expect(await lab.findings()).toEqual([]);
    expect(await lab.metric('duplicates_total')).toBe(120);
    expect(await lab.metric('ids_looked_up_total')).toBeGreaterThanOrEqual(120);
  });
});

describe('the topic of the dead letters', () => {
  it('is waited for where it is gone, and no letter is lost', async () => {
    await storeSome();
    const letters = topicNames(lab.prefix).deadLetters;
    await admin((client) => client.deleteTopics({ topics: [letters] }));
    const producer = createProducer({ kafka: lab.kafka, topic: lab.topic });
    await producer.send([{ key: null, value: Buffer.from('noise'), kafkaPartition: 0 }]);
    await producer.close();
    const aggregator = lab.open();
    running = aggregator;
    // Starting makes the topics that are missing, so it is deleted once more under the running aggregator.
    await aggregator.start();
    await lab.rest();
    await admin((client) => client.deleteTopics({ topics: [letters] }));
    const again = createProducer({ kafka: lab.kafka, topic: lab.topic });
    await again.send([{ key: null, value: Buffer.from('more noise'), kafkaPartition: 0 }]);
    await again.close();
    while (!aggregator.readiness().reasons.some((reason) => reason.includes('produce_failed')))
      await sleep(50);
    expect((await fetchPositions(lab)).get(0)).toMatchObject({
      nextOffset: 301,
      metadata: expect.any(String),
    });
    await ensureTopics(lab.kafka, { prefix: lab.prefix, kafkaPartitions: 2, replicationFactor: 1 });
    await lab.rest();
    const [letter] = await readRange({ kafka: lab.kafka, topic: letters, kafkaPartition: 0, from: 0, to: 9 });
    expect(decodeDeadLetter(letter?.value ?? Buffer.alloc(0))).toMatchObject({
      code: 'undecodable',
      kafkaOffset: 301,
      recordValue: Buffer.from('more noise'),
    });
  });
});
