import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { type BatchProducer, type BatchProducerOptions, createBatchProducer } from './batch-producer.ts';
import type { FetchedRecord } from './fetched-record.ts';
import { readRange } from './read-range.ts';
import { createTcpRelay } from './tcp-relay.ts';
import { createTestTopic, type TestTopic, testKafka, until } from './topic-for-test.ts';

const producers: BatchProducer[] = [];

afterEach(async () => {
  await Promise.all(producers.splice(0).map((producer) => producer.close(1_000)));
});

function create(options: BatchProducerOptions): BatchProducer {
  const producer = createBatchProducer(options);
  producers.push(producer);
  return producer;
}

async function readAll({ kafka, topic }: TestTopic, kafkaPartitions: number): Promise<FetchedRecord[][]> {
  const partitions = Array.from({ length: kafkaPartitions }, (_, index) => index);
  return Promise.all(
    partitions.map(async (kafkaPartition) => [
      ...(await readRange({ kafka, topic, kafkaPartition, from: 0, to: Number.MAX_SAFE_INTEGER })),
    ]),
  );
}

/** The numbers that the test put into the values. */
function numbers(records: readonly FetchedRecord[]): number[] {
  return records.map(({ value }) => value?.readUInt32BE(0) ?? -1);
}

function numbered(number: number, bytes = 100): Buffer {
  const value = Buffer.alloc(bytes, 'usage ');
  value.writeUInt32BE(number, 0);
  return value;
}

describe('createBatchProducer', () => {
  it('stores every record once, byte for byte, in order within each Kafka partition', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 4);
    const producer = create({ ...test, kafkaPartitions: 4, batchBytesMax: 40_000 });
    const values = Array.from({ length: 5_000 }, (_, number) => {
      // Half of the bytes cannot be compressed, and a few values are empty or large.
      const length = number % 97 === 0 ? 0 : number % 89 === 0 ? 9_000 : number % 300;
      return Buffer.concat([numbered(number, 4 + length), randomBytes(length)]);
    });
    for (const [number, value] of values.entries()) {
      expect(producer.enqueue({ key: number % 3 === 0 ? null : `org ü ${number}`, value })).toBe(true);
    }
    await producer.flush();

    const partitions = await readAll(test, 4);
    expect(numbers(partitions.flat()).sort((a, b) => a - b)).toEqual([...values.keys()]);
    for (const records of partitions) {
      expect(numbers(records)).toEqual(numbers(records).toSorted((a, b) => a - b));
      expect(records.map(({ offset }) => offset)).toEqual([...records.keys()]);
      for (const { key, value } of records) {
        const number = value?.readUInt32BE(0) ?? -1;
        expect(value?.equals(values[number] ?? Buffer.alloc(0))).toBe(true);
        expect(key === null ? null : key.toString()).toBe(number % 3 === 0 ? null : `org ü ${number}`);
      }
    }
    expect(producer.stats).toMatchObject({
      enqueued: 5_000,
      acknowledged: 5_000,
      pending: 0,
      pendingBytes: 0,
    });
  });

  it('compresses large batches only, and the broker puts its own time on both', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    const producer = create({ ...test, kafkaPartitions: 1 });
    const startedAtMs = Date.now();
    producer.enqueue({ key: null, value: numbered(0, 4_000) });
    await producer.flush();
    expect(producer.stats.acknowledgedBytes).toBeGreaterThan(4_000);
    const before = producer.stats.acknowledgedBytes;
    for (let number = 1; number < 10; number++) {
      producer.enqueue({ key: null, value: numbered(number, 4_000) });
    }
    await producer.flush();
    expect(producer.stats.acknowledgedBytes - before).toBeLessThan(2_000);
    const [records = []] = await readAll(test, 1);
    expect(numbers(records)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { timestampMs } of records) {
      expect(timestampMs).toBeGreaterThanOrEqual(startedAtMs);
      expect(timestampMs).toBeLessThanOrEqual(Date.now());
    }
  });

  it('copies values, so that the caller may write over its slab at once', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    const producer = create({ ...test, kafkaPartitions: 1 });
    const slab = Buffer.alloc(8);
    for (let number = 0; number < 100; number++) {
      slab.writeUInt32BE(number, 4);
      producer.enqueue({ key: null, value: slab.subarray(4) });
    }
    await producer.flush();
    const [records = []] = await readAll(test, 1);
    expect(numbers(records)).toEqual(Array.from({ length: 100 }, (_, number) => number));
  });

  it('sends by itself after the linger, one Kafka partition after the other', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 3);
    const producer = create({ ...test, kafkaPartitions: 3, lingerMs: 5 });
    for (let number = 0; number < 4; number++) {
      producer.enqueue({ key: null, value: numbered(number) });
      await until(() => producer.stats.pending === 0);
    }
    expect((await readAll(test, 3)).map(numbers)).toEqual([[0, 3], [1], [2]]);
  });

  it('refuses at its bound without blocking, and sends all it took, in order, once the broker is back', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 2);
    const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
    let boundsReached = 0;
    const producer = create({
      kafka: testKafka(relay.address),
      topic: test.topic,
      kafkaPartitions: 2,
      lingerMs: 2,
      batchBytesMax: 4_000,
      pendingBytesMax: 50_000,
      onBoundReached: () => {
        boundsReached += 1;
      },
    });
    producer.enqueue({ key: null, value: numbered(0) });
    await producer.flush();

    await relay.cut();
    let taken = 1;
    while (producer.enqueue({ key: null, value: numbered(taken) })) {
      taken += 1;
      if (taken % 50 === 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    expect(producer.enqueue({ key: null, value: numbered(taken) })).toBe(false);
    expect(producer.stats).toMatchObject({ refused: 2, pending: taken - 1 });
    expect(producer.pendingBytes).toBeLessThanOrEqual(50_000);
    expect(boundsReached).toBe(1);
    await until(() => producer.stats.failingSinceMs !== null);

    await relay.heal();
    await producer.flush();
    expect(producer.stats).toMatchObject({ pending: 0, pendingBytes: 0, failingSinceMs: null });
    expect(producer.enqueue({ key: null, value: numbered(taken) })).toBe(true);
    await producer.flush();

    const partitions = await readAll(test, 2);
    for (const records of partitions) {
      // A repeated send may be stored again; nothing may be missing or before its predecessor.
      const inOrder = numbers(records);
      expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
    }
    expect([...new Set(numbers(partitions.flat()))].toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: taken + 1 }, (_, number) => number),
    ]);
    await producer.close(1_000);
    await relay.cut();
  });

  it('starts without a broker, and says at the close what it could not send', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
    await relay.cut();
    const producer = createBatchProducer({
      kafka: testKafka(relay.address),
      topic: test.topic,
      kafkaPartitions: 1,
      lingerMs: 1,
    });
    producer.enqueue({ key: null, value: numbered(1) });
    producer.enqueue({ key: null, value: numbered(2) });
    expect(await producer.close(200)).toEqual({ unsent: 2 });
    expect(producer.enqueue({ key: null, value: numbered(3) })).toBe(false);
  });

  it('refuses a record that fits in no batch', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    const producer = create({ ...test, kafkaPartitions: 1, batchBytesMax: 1_000 });
    expect(() => producer.enqueue({ key: null, value: Buffer.alloc(990) })).toThrow(
      expect.objectContaining({ code: 'record_too_large', retryable: false }),
    );
    expect(producer.stats.pending).toBe(0);
  });
});
