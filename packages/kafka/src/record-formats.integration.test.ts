import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { encodeBatch, plainBatch } from './batch-for-test.ts';
import { createBatchProducer } from './batch-producer.ts';
import { fetchPositions } from './committed-offsets.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { FetchedRecord } from './fetched-record.ts';
import { READY_BATCH } from './kafkajs-patches.ts';
import type { PartitionConsumer } from './partition-consumer.ts';
import { readRange } from './read-range.ts';
import { createTestTopic, type TestTopic, testConsumer, testKafka, until } from './topic-for-test.ts';

const consumers: PartitionConsumer[] = [];

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
});

const KEYED = Array.from({ length: 60 }, (_, number) => ({
  key: number % 3 === 0 ? null : `key ${number}`,
  value: `value ${number} `.repeat(number + 1),
}));

function textsOf(records: readonly FetchedRecord[]) {
  return records.map(({ key, value }) => ({
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
  }));
}

async function sendWithKafkajs(
  { kafka, topic }: Pick<TestTopic, 'kafka' | 'topic'>,
  send: { readonly compression: number; readonly messages: readonly object[] },
) {
  const producer = kafka.kafkajs.producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  // The messages are what this test makes them.
  await producer.send({ topic, ...send } as Parameters<typeof producer.send>[0]);
  await producer.disconnect();
}

/** Reads a topic of one Kafka partition both ways, which have to agree. */
async function readAll(test: TestTopic, count: number): Promise<readonly FetchedRecord[]> {
  const ranges: FetchedBatch[] = [];
  const consumer = testConsumer(test, { onBatch: async (range) => void ranges.push(range) });
  consumers.push(consumer);
  await consumer.start();
  const fetched = () => ranges.flatMap(({ records }) => [...records]);
  await until(() => fetched().length >= count);
  const read = [...(await readRange({ ...test, kafkaPartition: 0, from: 0, to: 10_000 }))];
  const facts = ({ offset, timestampMs, key, value }: FetchedRecord) => ({ offset, timestampMs, key, value });
  expect(read.map(facts)).toEqual(fetched().map(facts));
  return read;
}

describe('what is read from a topic', () => {
  it('is the same, whoever wrote it and however it was compressed', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 1);
    const { None, GZIP, ZSTD } = kafkajs.CompressionTypes;
    for (const compression of [None, GZIP, ZSTD]) {
      await sendWithKafkajs(test, { compression, messages: KEYED });
    }
    for (const compressBytesMin of [1, Number.POSITIVE_INFINITY]) {
      const producer = createBatchProducer({ ...test, kafkaPartitions: 1, compressBytesMin });
      for (const { key, value } of KEYED) {
        producer.enqueue({ key, value: Buffer.from(value) });
      }
      expect(await producer.close(10_000)).toEqual({ unsent: 0 });
    }
    const records = await readAll(test, 5 * KEYED.length);
    expect(textsOf(records)).toEqual(Array.from({ length: 5 }, () => KEYED).flat());
    expect(records.map(({ offset }) => offset)).toEqual([...Array(5 * KEYED.length).keys()]);
    // The broker's clock, one time for each of the five batches.
    const times = records.map(({ timestampMs }) => timestampMs);
    expect(new Set(times).size).toBeLessThanOrEqual(5);
    expect(Math.abs((times[0] ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('has the times of the producer where the topic says so, headers or none, and nothing for a value', async () => {
    const kafka = testKafka(inject('kafkaBrokers'));
    const topic = `kafka-test-${randomUUID()}`;
    const admin = kafka.kafkajs.admin();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] });
    await admin.disconnect();
    const start = Date.now() - 3_600_000;
    const messages = [5, 0, 90_000, 7].map((later, index) => ({
      timestamp: String(start + later),
      key: index === 1 ? '' : null,
      value: index === 2 ? null : `value ${index}`,
      headers: index === 3 ? { trace: 'abc', empty: '' } : {},
    }));
    await sendWithKafkajs({ kafka, topic }, { compression: kafkajs.CompressionTypes.ZSTD, messages });
    const records = await readAll({ kafka, topic, groupId: `group-${topic}` }, messages.length);
    expect(records.map(({ timestampMs }) => timestampMs - start)).toEqual([5, 0, 90_000, 7]);
    expect(textsOf(records)).toEqual(messages.map(({ key, value }) => ({ key, value })));
  });
});

describe('a record batch that cannot be read', () => {
  it('stops its Kafka partition, saying why, with all before it handled and the others going on', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 2);
    const producer = test.kafka.kafkajs.producer({
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    await producer.connect();
    for (const [partition, codec] of [[0, 'none'] as const, [0, 'snappy'] as const, [1, 'gzip'] as const]) {
      const message = {
        partition,
        value: null,
        [READY_BATCH]: encodeBatch(plainBatch(0, ['a', 'b'], { codec })),
      };
      await producer.send({ topic: test.topic, acks: -1, messages: [message] });
    }
    await producer.disconnect();
    const ranges: FetchedBatch[] = [];
    const consumer = testConsumer(test, { onBatch: async (range) => void ranges.push(range) });
    consumers.push(consumer);
    await consumer.start();
    const stopped = () => consumer.progress().kafkaPartitions[0]?.stopped;
    await until(() => typeof stopped() === 'string' && ranges.length === 2);
    expect(stopped()).toBe(
      'the record batch at offset 2 cannot be read: it is compressed with snappy, which is not read here',
    );
    await until(async () => (await fetchPositions(test)).get(0)?.nextOffset === 2);
    await until(() => consumer.progress().kafkaPartitions[1]?.lag === 0);
    expect(consumer.progress().kafkaPartitions[1]).toMatchObject({ stopped: null });
    const range = { ...test, kafkaPartition: 0, from: 0, to: 4 };
    await expect(readRange(range)).rejects.toMatchObject({ code: 'unreadable_batch', retryable: false });
    expect(await readRange({ ...range, to: 2 })).toHaveLength(2);
  });
});
