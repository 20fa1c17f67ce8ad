import { afterEach, describe, expect, inject, it } from 'vitest';
import { fetchPositions } from './committed-offsets.ts';
import { KafkaError } from './errors.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { readLogBounds } from './log-bounds.ts';
import type { Membership } from './membership.ts';
import type { PartitionConsumer } from './partition-consumer.ts';
import { createProducer } from './producer.ts';
import { createTcpRelay } from './tcp-relay.ts';
import { createTestTopic, type TestTopic, testConsumer, testKafka, until } from './topic-for-test.ts';
import { readTopicId } from './topic-id.ts';

const consumers: PartitionConsumer[] = [];

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
});

async function start(test: TestTopic, options: Parameters<typeof testConsumer>[1]) {
  const consumer = testConsumer(test, options);
  consumers.push(consumer);
  await consumer.start();
  return consumer;
}

/** Sends records to one Kafka partition. */
async function send({ kafka, topic }: TestTopic, kafkaPartition: number, count: number) {
  const producer = createProducer({ kafka, topic });
  await producer.send(
    Array.from({ length: count }, (_, n) => ({ key: null, value: Buffer.from(String(n)), kafkaPartition })),
  );
  await producer.close();
}

const brokers = () => inject('kafkaBrokers');
const spans = (ranges: readonly FetchedBatch[]) =>
  ranges.map(({ firstOffset, nextOffset }) => [firstOffset, nextOffset]);

describe('one Kafka partition among others', () => {
  it('is not held up by one that waits', async () => {
    const test = await createTestTopic(brokers(), 3);
    for (const kafkaPartition of [0, 1, 2]) {
      await send(test, kafkaPartition, 20);
    }
    const done: FetchedBatch[] = [];
    const consumer = await start(test, {
      rangesAtOnce: 1,
      onBatch: async (range) => {
        if (range.kafkaPartition === 1) {
          throw new Error('its org is not known yet');
        }
        done.push(range);
      },
    });
    await until(() => done.length >= 2);
    await send(test, 0, 20);
    await send(test, 2, 20);
    await until(async () => {
      const positions = await fetchPositions(test);
      return positions.get(0)?.nextOffset === 40 && positions.get(2)?.nextOffset === 40;
    });
    expect(consumer.progress().kafkaPartitions[1]).toMatchObject({ lag: 20, stopped: null });
  });

  it('is read on while one range is handled, and what came meanwhile is handled as one', async () => {
    const test = await createTestTopic(brokers(), 1);
    await send(test, 0, 10);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const ranges: FetchedBatch[] = [];
    await start(test, {
      recordsMax: 100,
      onBatch: async (range) => {
        ranges.push(range);
        await held;
      },
    });
    await until(() => ranges.length === 1);
    for (let send3 = 0; send3 < 3; send3++) {
      await send(test, 0, 10);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    release();
    await until(() => ranges.length === 2);
    expect(spans(ranges)).toEqual([
      [0, 10],
      [10, 40],
    ]);
  });

  it('is tiled by its ranges over the markers and aborted records that transactions leave', async () => {
    const test = await createTestTopic(brokers(), 1);
    const transactional = test.kafka.kafkajs.producer({
      transactionalId: `tx-${test.topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await transactional.connect();
    const ranges: FetchedBatch[] = [];
    const consumer = await start(test, { onBatch: async (range) => void ranges.push(range) });
    for (const end of ['abort', 'commit', 'abort', 'abort', 'commit', 'abort'] as const) {
      const transaction = await transactional.transaction();
      await transaction.send({ topic: test.topic, messages: [{ value: end }, { value: end }] });
      await transaction[end]();
      // So that some fetches bring nothing else.
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    await transactional.disconnect();
    await send(test, 0, 3);
    await until(() => ranges.flatMap(({ records }) => [...records]).length >= 7);
    const values = ranges.flatMap(({ records }) => Array.from(records, ({ value }) => value?.toString()));
    expect(values).toEqual(['commit', 'commit', 'commit', 'commit', '0', '1', '2']);
    expect(ranges[0]?.firstOffset).toBe(0);
    for (const [index, { nextOffset }] of ranges.entries()) {
      expect(ranges[index + 1]?.firstOffset ?? nextOffset).toBe(nextOffset);
    }
    await until(() => consumer.progress().kafkaPartitions[0]?.lag === 0);
    expect(consumer.progress().kafkaPartitions[0]).toMatchObject({ stopped: null });
  });

  it('stops where its handler says that it must, until it is assigned anew', async () => {
    const test = await createTestTopic(brokers(), 2);
    await send(test, 0, 5);
    await send(test, 1, 5);
    const calls: number[] = [];
    const onBatch = async ({ kafkaPartition }: FetchedBatch) => {
      calls.push(kafkaPartition);
      if (kafkaPartition === 0) {
        throw new KafkaError('its bundle is missing', { code: 'partition_stopped', retryable: false });
      }
    };
    const consumer = await start(test, { onBatch });
    await until(() => calls.length === 2);
    await send(test, 0, 5);
    await send(test, 1, 5);
    await until(async () => (await fetchPositions(test)).get(1)?.nextOffset === 10);
    expect(calls.filter((kafkaPartition) => kafkaPartition === 0)).toHaveLength(1);
    expect(consumer.progress().kafkaPartitions).toMatchObject([
      { stopped: 'its bundle is missing' },
      { stopped: null },
    ]);
    await consumer.close();
    await start(test, { onBatch });
    await until(() => calls.filter((kafkaPartition) => kafkaPartition === 0).length === 2);
  });
});

describe('the start of a Kafka partition', () => {
  it('is where the handler says, ahead of what is committed', async () => {
    const test = await createTestTopic(brokers(), 1);
    await send(test, 0, 30);
    const ranges: FetchedBatch[] = [];
    await start(test, { onAssigned: async () => 12, onBatch: async (range) => void ranges.push(range) });
    await until(() => ranges.length > 0);
    expect(spans(ranges)).toEqual([[12, 30]]);
  });

  it('is not passed by a Kafka partition that cannot begin, while the others go on', async () => {
    const test = await createTestTopic(brokers(), 2);
    await send(test, 0, 5);
    await send(test, 1, 5);
    const ranges: FetchedBatch[] = [];
    let attempts = 0;
    await start(test, {
      onAssigned: async ({ kafkaPartition }) => {
        if (kafkaPartition === 0) {
          attempts += 1;
          throw new Error('the ledger cannot be read');
        }
        return null;
      },
      onBatch: async (range) => void ranges.push(range),
    });
    await until(() => ranges.length === 1 && attempts > 1);
    expect(ranges[0]?.kafkaPartition).toBe(1);
  });
});

describe('a note beside a position', () => {
  it('is acknowledged under the membership, stays until the next commit, and is read back by the heir', async () => {
    const test = await createTestTopic(brokers(), 1);
    await send(test, 0, 5);
    const first = await start(test, {
      onBatch: async ({ firstOffset }, membership) => {
        await membership.note({ nextOffset: firstOffset, metadata: '{"to":5}' });
        throw new Error('died here');
      },
    });
    await until(async () => (await fetchPositions(test)).get(0)?.metadata === '{"to":5}');
    await first.close();
    const found: unknown[] = [];
    await start(test, {
      onAssigned: async (membership) => {
        found.push(await membership.committed());
        return null;
      },
      onBatch: async () => undefined,
    });
    await until(async () => (await fetchPositions(test)).get(0)?.nextOffset === 5);
    expect(found).toEqual([{ nextOffset: 0, metadata: '{"to":5}' }]);
    expect(await fetchPositions(test)).toEqual(new Map([[0, { nextOffset: 5, metadata: null }]]));
  });

  it('is refused when the group has moved on, and when it is too long for a broker', async () => {
    const test = await createTestTopic(brokers(), 1);
    await send(test, 0, 5);
    const relay = await createTcpRelay(brokers().split(',')[0] ?? '');
    const kafka = testKafka(relay.address, 'zombie');
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: handling, resolve: begun } = Promise.withResolvers<Membership>();
    const zombie = await start(
      { ...test, kafka },
      {
        sessionTimeoutMs: 1_500,
        onBatch: async (_, membership) => {
          begun(membership);
          await held;
        },
      },
    );
    const old = await handling;
    const long = { nextOffset: 0, metadata: 'x'.repeat(5_000) };
    await expect(old.note(long)).rejects.toMatchObject({ code: 'commit_refused', retryable: false });
    await old.note({ nextOffset: 0, metadata: 'mine' });
    await relay.cut();
    const { promise: taken, resolve: take } = Promise.withResolvers<void>();
    await start(test, {
      onBatch: async (_, membership) => {
        await membership.note({ nextOffset: 0, metadata: "the heir's" });
        take();
        await held;
      },
    });
    await taken;
    await relay.heal();
    await expect(old.note({ nextOffset: 0, metadata: 'mine again' })).rejects.toMatchObject({
      code: 'commit_refused',
    });
    expect((await fetchPositions(test)).get(0)?.metadata).toBe("the heir's");
    release();
    await zombie.close();
    await relay.cut();
  });
});

describe('a member that comes back under its name', () => {
  it('gets the Kafka partitions that it had', async () => {
    const test = await createTestTopic(brokers(), 4);
    const onBatch = async () => undefined;
    const partitionsOf = (consumer: PartitionConsumer) =>
      consumer.progress().kafkaPartitions.map(({ kafkaPartition }) => kafkaPartition);
    const open = (instance: string) =>
      start({ ...test, kafka: testKafka(brokers(), instance) }, { instance, onBatch });
    const [first, second] = [await open('b'), await open('a')];
    await until(() => partitionsOf(first).length === 2 && partitionsOf(second).length === 2);
    expect([partitionsOf(second), partitionsOf(first)]).toEqual([
      [0, 2],
      [1, 3],
    ]);
    await second.close();
    await until(() => partitionsOf(first).length === 4);
    const again = await open('a');
    await until(() => partitionsOf(first).length === 2 && partitionsOf(again).length === 2);
    expect([partitionsOf(again), partitionsOf(first)]).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });
});

describe('what is known of a topic', () => {
  it('has an id that another topic of the same name does not have, and bounds', async () => {
    const test = await createTestTopic(brokers(), 2);
    await send(test, 1, 7);
    const before = await readTopicId(test.kafka, test.topic);
    expect(before).toMatch(/^[0-9a-f]{32}$/);
    expect(before).not.toBe('0'.repeat(32));
    expect(await readTopicId(test.kafka, test.topic)).toBe(before);
    expect(await readLogBounds(test.kafka, test.topic)).toEqual(
      new Map([
        [0, { start: 0, end: 0 }],
        [1, { start: 0, end: 7 }],
      ]),
    );
    const admin = test.kafka.kafkajs.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [test.topic] });
    await until(async () => {
      const topics = [{ topic: test.topic, numPartitions: 2 }];
      return admin.createTopics({ topics, waitForLeaders: true }).catch(() => false);
    });
    await admin.disconnect();
    expect(await readTopicId(test.kafka, test.topic)).not.toBe(before);
  });
});
