import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { createBatchProducer } from './batch-producer.ts';
import { fetchCommitted } from './committed-offsets.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { PartitionConsumer, PartitionConsumerOptions } from './partition-consumer.ts';
import { createProducer } from './producer.ts';
import { createTcpRelay } from './tcp-relay.ts';
import {
  createTestTopic,
  deleteRecordsBefore,
  type TestTopic,
  testConsumer,
  testKafka,
  until,
} from './topic-for-test.ts';

const HOURS_MS = 4 * 3_600_000;
const consumers: PartitionConsumer[] = [];

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
});

type TestOptions = Pick<PartitionConsumerOptions, 'onBatch'> & Partial<PartitionConsumerOptions>;

async function start(test: TestTopic, options: TestOptions): Promise<PartitionConsumer> {
  const consumer = testConsumer(test, options);
  consumers.push(consumer);
  await consumer.start();
  return consumer;
}

/** Sends the numbers from `from` to `to` (left out), over all Kafka partitions. */
async function send({ kafka, topic }: TestTopic, [from, to]: [number, number], kafkaPartitions = 4) {
  const producer = createProducer({ kafka, topic });
  const records = Array.from({ length: to - from }, (_, index) => ({
    key: null,
    value: Buffer.from(String(from + index)),
    kafkaPartition: (from + index) % kafkaPartitions,
  }));
  await producer.send(records);
  await producer.close();
}

function numbers(batches: readonly FetchedBatch[]): number[] {
  return batches.flatMap(({ records }) => Array.from(records, ({ value }) => Number(value?.toString())));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function ascending(list: readonly number[]): number[] {
  return list.toSorted((a, b) => a - b);
}

describe('createPartitionConsumer', () => {
  it('keeps its membership when the clock is set back by hours', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 4);
    const batches: FetchedBatch[] = [];
    const memberships: (readonly number[])[] = [];
    await start(test, {
      onMembership: (kafkaPartitions) => void memberships.push(kafkaPartitions),
      onBatch: async (batch) => void batches.push(batch),
    });
    await send(test, [0, 4]);
    await until(() => numbers(batches).length === 4);
    const clock = vi
      .spyOn(Date, 'now')
      .mockImplementation(() => Math.floor(performance.timeOrigin + performance.now()) - HOURS_MS);
    try {
      // Longer than a session lasts without heartbeats.
      await new Promise((resolve) => setTimeout(resolve, 9_000));
      await send(test, [4, 8]);
      await until(async () => {
        const committed = await fetchCommitted(test);
        return [...committed.values()].reduce((sum, offset) => sum + offset, 0) === 8;
      });
    } finally {
      clock.mockRestore();
    }
    expect(ascending(numbers(batches))).toEqual(range(0, 8));
    expect(memberships).toEqual([[0, 1, 2, 3]]);
  }, 40_000);

  it('hands every record out once, as ranges that tile each Kafka partition from its start', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 4);
    const producer = createBatchProducer({ ...test, kafkaPartitions: 4, batchBytesMax: 20_000 });
    for (let number = 0; number < 3_000; number++) {
      producer.enqueue({ key: null, value: Buffer.from(String(number)) });
    }
    expect(await producer.close(10_000)).toEqual({ unsent: 0 });

    const batches: FetchedBatch[] = [];
    const assigned: (readonly number[])[] = [];
    const consumer = await start(test, {
      recordsMax: 100,
      onMembership: (kafkaPartitions) => void assigned.push(kafkaPartitions),
      onBatch: async (batch) => {
        expect(assigned).toHaveLength(1);
        batches.push(batch);
      },
    });
    await until(() => numbers(batches).length === 3_000);
    expect(ascending(numbers(batches))).toEqual(range(0, 3_000));
    expect(assigned).toEqual([[0, 1, 2, 3]]);
    for (const kafkaPartition of range(0, 4)) {
      const own = batches.filter((batch) => batch.kafkaPartition === kafkaPartition);
      let expected = 0;
      for (const { firstOffset, nextOffset, records } of own) {
        expect(firstOffset).toBe(expected);
        expect(records.length).toBeLessThanOrEqual(100);
        expect(records.at(-1)?.offset).toBe(nextOffset - 1);
        expected = nextOffset;
      }
    }
    await until(() => consumer.progress().kafkaPartitions.every(({ lag }) => lag === 0));
    expect(consumer.progress()).toMatchObject({ state: 'running', fetchedAtMs: expect.any(Number) });
  });

  it('commits what it handled, and a later member goes on at the next offset', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 4);
    await send(test, [0, 400]);
    const first: FetchedBatch[] = [];
    const consumer = await start(test, { onBatch: async (batch) => void first.push(batch) });
    await until(() => numbers(first).length === 400);
    await consumer.close();
    expect(await fetchCommitted(test)).toEqual(new Map(range(0, 4).map((partition) => [partition, 100])));
    expect(consumer.progress().state).toBe('closed');

    await send(test, [400, 500]);
    const second: FetchedBatch[] = [];
    await start(test, { onBatch: async (batch) => void second.push(batch) });
    await until(() => numbers(second).length === 100);
    expect(ascending(numbers(second))).toEqual(range(400, 500));
  });

  it('knows no position of a group that never committed', async () => {
    expect(await fetchCommitted(await createTestTopic(inject('kafkaBrokers'), 2))).toEqual(new Map());
  });

  it('repeats the same range until it is handled, and commits nothing before', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    await send(test, [0, 50], 1);
    const attempts: number[][] = [];
    let failures = 2;
    await start(test, {
      recordsMax: 20,
      onBatch: async (batch) => {
        attempts.push(numbers([batch]));
        if (failures > 0) {
          failures -= 1;
          expect(await fetchCommitted(test)).toEqual(new Map());
          throw new Error('the store is away');
        }
      },
    });
    await until(async () => (await fetchCommitted(test)).get(0) === 50);
    const [first, second, third] = [range(0, 20), range(20, 40), range(40, 50)];
    expect(attempts).toEqual([first, first, first, second, third]);
  });

  it('waits for the preparation of an assignment, and repeats it when it fails', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    await send(test, [0, 5], 1);
    const order: string[] = [];
    await start(test, {
      onAssigned: async () => {
        order.push('prepare');
        if (order.length === 1) {
          throw new Error('cannot read the window yet');
        }
        return null;
      },
      onBatch: async () => void order.push('batch'),
    });
    await until(() => order.includes('batch'));
    expect(order).toEqual(['prepare', 'prepare', 'batch']);
  });

  it('stays a member while one batch takes longer than the session', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    await send(test, [0, 5], 1);
    let current: boolean | null = null;
    let calls = 0;
    await start(test, {
      sessionTimeoutMs: 1_500,
      onBatch: async (_batch, membership) => {
        calls += 1;
        await new Promise((resolve) => setTimeout(resolve, 4_000));
        current = membership.isCurrent();
      },
    });
    await until(async () => (await fetchCommitted(test)).get(0) === 5);
    expect({ calls, current }).toEqual({ calls: 1, current: true });
  });

  it('loses and repeats nothing when members join and leave under load', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 4);
    await send(test, [0, 2_000]);
    const handled: number[] = [];
    const options: TestOptions = {
      recordsMax: 50,
      onBatch: async (batch) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        handled.push(...numbers([batch]));
      },
    };
    await start(test, options);
    await until(() => handled.length > 200);
    // One client per member, as in life: kafkajs keeps a group's positions per client.
    const second = await start({ ...test, kafka: testKafka(inject('kafkaBrokers'), 'second') }, options);
    await until(() => second.progress().kafkaPartitions.length === 2);
    await send(test, [2_000, 3_000]);
    await until(() => handled.length > 2_000);
    await second.close();
    await send(test, [3_000, 3_500]);
    await until(() => handled.length >= 3_500);
    expect(ascending(handled)).toEqual(range(0, 3_500));
  });

  it('cannot commit for a Kafka partition after the group has moved on', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    await send(test, [0, 10], 1);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
    const kafka = testKafka(relay.address, 'zombie');
    let zombieHolds = false;
    const zombie = await start(
      { ...test, kafka },
      {
        sessionTimeoutMs: 1_500,
        onBatch: async () => {
          zombieHolds = true;
          await held;
        },
      },
    );
    await until(() => zombieHolds);
    // Cut off, it cannot send heartbeats; its heir handles the first five and fails on the rest for ever.
    await relay.cut();
    await start(test, {
      recordsMax: 5,
      onBatch: async ({ firstOffset }) => {
        if (firstOffset > 0) {
          throw new Error('not yet');
        }
      },
    });
    await until(async () => (await fetchCommitted(test)).get(0) === 5);
    await relay.heal();
    release();
    await zombie.close();
    expect((await fetchCommitted(test)).get(0)).toBe(5);
    await relay.cut();
  });

  it('goes on by itself after the broker was away', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 2);
    const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
    const batches: FetchedBatch[] = [];
    const consumer = await start(
      { ...test, kafka: testKafka(relay.address) },
      { onBatch: async (batch) => void batches.push(batch) },
    );
    await send(test, [0, 100], 2);
    await until(() => numbers(batches).length === 100);
    await relay.cut();
    await send(test, [100, 200], 2);
    await until(() => consumer.progress().state === 'joining');
    await relay.heal();
    // What was handled and not committed when the broker went comes again.
    const distinct = () => [...new Set(numbers(batches))];
    await until(() => distinct().length >= 200);
    expect(ascending(distinct())).toEqual(range(0, 200));
    await consumer.close();
    await relay.cut();
  });

  it('can be closed while it joins or looks for a broker, and reads nothing afterwards', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    await send(test, [0, 5], 1);
    let batches = 0;
    const onBatch = async () => {
      batches += 1;
    };
    for (const pauseMs of [0, 20, 40, 80]) {
      const consumer = testConsumer(test, { onBatch });
      const started = consumer.start();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await consumer.close();
      await started;
      const before = batches;
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect({ state: consumer.progress().state, batches }).toEqual({ state: 'closed', batches: before });
    }
    const lonely = testConsumer({ ...test, kafka: testKafka('127.0.0.1:1') }, { onBatch });
    const started = lonely.start();
    await lonely.close();
    await started;
  });

  it('stops a Kafka partition whose position is no longer in the log, and resets nothing', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 2);
    await send(test, [0, 40], 2);
    const first: FetchedBatch[] = [];
    const consumer = await start(test, { onBatch: async (batch) => void first.push(batch) });
    await until(() => numbers(first).length === 40);
    await consumer.close();
    await send(test, [40, 80], 2);
    await deleteRecordsBefore(test, { kafkaPartition: 0, offset: 30 });

    const second: FetchedBatch[] = [];
    const next = await start(test, { onBatch: async (batch) => void second.push(batch) });
    await until(() => next.progress().kafkaPartitions.some(({ stopped }) => stopped !== null));
    await until(() => numbers(second).length === 20);
    expect(second.every(({ kafkaPartition }) => kafkaPartition === 1)).toBe(true);
    expect(next.progress().kafkaPartitions[0]).toMatchObject({ stopped: 'its position is not in the log' });
    await until(async () => (await fetchCommitted(test)).get(1) === 40);
    expect((await fetchCommitted(test)).get(0)).toBe(20);
  });
});
