import { describe, expect, inject, it } from 'vitest';
import { createProducer } from './producer.ts';
import { readRange } from './read-range.ts';
import { createTestTopic, deleteRecordsBefore, testKafka } from './topic-for-test.ts';

async function topicWith(count: number) {
  const test = await createTestTopic(inject('kafkaBrokers'), 2);
  const producer = createProducer(test);
  await producer.send(
    Array.from({ length: count }, (_, number) => ({
      key: `key ${number}`,
      value: Buffer.from(String(number)),
      kafkaPartition: 1,
    })),
  );
  await producer.close();
  return test;
}

describe('readRange', () => {
  it('reads exactly the offsets asked for', async () => {
    const { kafka, topic } = await topicWith(1_200);
    const records = await readRange({ kafka, topic, kafkaPartition: 1, from: 490, to: 1_010 });
    expect(Array.from(records, ({ offset }) => offset)).toEqual(
      Array.from({ length: 520 }, (_, i) => 490 + i),
    );
    expect(records.at(0)).toMatchObject({ key: Buffer.from('key 490'), value: Buffer.from('490') });
  });

  it('leaves out what the log does not hold', async () => {
    const { kafka, topic } = await topicWith(20);
    await deleteRecordsBefore({ kafka, topic }, { kafkaPartition: 1, offset: 5 });
    const records = await readRange({ kafka, topic, kafkaPartition: 1, from: 0, to: 1_000 });
    expect(Array.from(records, ({ offset }) => offset)).toEqual(Array.from({ length: 15 }, (_, i) => 5 + i));
    expect(await readRange({ kafka, topic, kafkaPartition: 0, from: 0, to: 9 })).toHaveLength(0);
    expect(await readRange({ kafka, topic, kafkaPartition: 1, from: 9, to: 9 })).toHaveLength(0);
  });

  it('reads past the markers that transactions leave in the log, and skips aborted records', async () => {
    const { kafka, topic } = await topicWith(2);
    const transactional = kafka.kafkajs.producer({
      transactionalId: `tx-${topic}`,
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: () => () => 1,
    });
    await transactional.connect();
    for (const end of ['abort', 'commit'] as const) {
      const transaction = await transactional.transaction();
      await transaction.send({ topic, messages: [{ value: end }] });
      await transaction[end]();
    }
    await transactional.disconnect();
    const records = await readRange({ kafka, topic, kafkaPartition: 1, from: 0, to: 100 });
    expect(Array.from(records, ({ value }) => value?.toString())).toEqual(['0', '1', 'commit']);
  });

  it('says with a code that no broker answers, or that there is no such topic', async () => {
    const failed = expect.objectContaining({ code: 'read_failed', retryable: true });
    const range = { topic: 'no-such-topic', kafkaPartition: 0, from: 0, to: 1 };
    await expect(readRange({ ...range, kafka: testKafka('127.0.0.1:1') })).rejects.toThrow(failed);
    await expect(readRange({ ...range, kafka: testKafka(inject('kafkaBrokers')) })).rejects.toThrow(failed);
  });
});
