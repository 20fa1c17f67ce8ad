import { describe, expect, inject, it } from 'vitest';
import { createProducer } from './producer.ts';
import { readRange } from './read-range.ts';
import { createTestTopic, testKafka } from './topic-for-test.ts';

describe('createProducer', () => {
  it('resolves when every record is stored, in order, whatever their number and kind of bytes', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 2);
    const producer = createProducer(test);
    const slab = new Uint8Array(2_000).map((_, index) => index);
    const records = Array.from({ length: 1_100 }, (_, number) => ({
      key: `key ${number}`,
      value: slab.subarray(number, number + 3),
      kafkaPartition: 1,
    }));
    await producer.send(records);
    await producer.close();
    const stored = [...(await readRange({ ...test, kafkaPartition: 1, from: 0, to: 9_999 }))];
    expect(stored.map(({ key }) => key?.toString())).toEqual(records.map(({ key }) => key));
    expect(stored.every(({ value }, index) => value?.equals(slab.subarray(index, index + 3)))).toBe(true);
  });

  it('puts records of one key into one Kafka partition where none is named', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), 4);
    const producer = createProducer(test);
    await producer.send(Array.from({ length: 20 }, () => ({ key: 'org', value: Buffer.from('x') })));
    await producer.close();
    const counts = await Promise.all(
      [0, 1, 2, 3].map((kafkaPartition) => readRange({ ...test, kafkaPartition, from: 0, to: 99 })),
    );
    expect(counts.map((records) => records.length).toSorted()).toEqual([0, 0, 0, 20]);
  });

  it('rejects with a code when no broker acknowledges', async () => {
    const producer = createProducer({ kafka: testKafka('127.0.0.1:1'), topic: 'unreachable' });
    await expect(producer.send([{ key: null, value: Buffer.alloc(1) }])).rejects.toThrow(
      expect.objectContaining({ code: 'produce_failed', retryable: true }),
    );
    await producer.close();
  });
});
