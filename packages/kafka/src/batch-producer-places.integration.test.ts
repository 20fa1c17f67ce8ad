import { afterEach, describe, expect, inject, it } from 'vitest';
import { type BatchProducer, type BatchProducerOptions, createBatchProducer } from './batch-producer.ts';
import type { OrdinalRange } from './batch-producer-contract.ts';
import { readRange } from './read-range.ts';
import { createTcpRelay } from './tcp-relay.ts';
import { createTestTopic, type TestTopic, testKafka, until } from './topic-for-test.ts';

const KAFKA_PARTITIONS = 3;
const producers: BatchProducer[] = [];

afterEach(async () => {
  await Promise.all(producers.splice(0).map((producer) => producer.close(500)));
});

function create(options: BatchProducerOptions): BatchProducer {
  const producer = createBatchProducer(options);
  producers.push(producer);
  return producer;
}

async function readTexts({ kafka, topic }: TestTopic): Promise<string[][]> {
  const partitions = Array.from({ length: KAFKA_PARTITIONS }, (_, kafkaPartition) =>
    readRange({ kafka, topic, kafkaPartition, from: 0, to: Number.MAX_SAFE_INTEGER }),
  );
  return (await Promise.all(partitions)).map((records) => Array.from(records, ({ value }) => String(value)));
}

describe('place', () => {
  it('says where a record goes, and acknowledgements name records by the ordinals they were given', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    const acknowledged: OrdinalRange[] = [];
    const producer = create({
      ...test,
      kafkaPartitions: KAFKA_PARTITIONS,
      lingerMs: 1,
      batchBytesMax: 2_000,
      onAcknowledged: (range) => void acknowledged.push(range),
    });
    const places: string[][] = Array.from({ length: KAFKA_PARTITIONS }, () => []);
    for (let ordinal = 100; ordinal < 400; ordinal++) {
      const value = Buffer.from(`event ${ordinal}`);
      const kafkaPartition = producer.place({ key: null, value, ordinal });
      places[kafkaPartition]?.push(String(value));
      if (ordinal % 40 === 0) {
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
    }
    await producer.flush();
    expect(await readTexts(test)).toEqual(places);
    const ranges = acknowledged.toSorted((a, b) => a.first - b.first);
    expect(ranges[0]?.first).toBe(100);
    expect(ranges.at(-1)?.next).toBe(400);
    for (const [index, { first }] of ranges.entries()) {
      expect(ranges[index - 1]?.next ?? 100).toBe(first);
    }
    expect(ranges.length).toBeGreaterThan(3);
  });

  it('puts ordinals that do not follow each other into batches of their own', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    const acknowledged: OrdinalRange[] = [];
    const producer = create({
      ...test,
      kafkaPartitions: KAFKA_PARTITIONS,
      onAcknowledged: (range) => void acknowledged.push(range),
    });
    const value = Buffer.from('event');
    producer.place({ key: null, value, ordinal: 1 });
    producer.place({ key: null, value, ordinal: 2 });
    producer.place({ key: null, value, ordinal: 7 });
    producer.enqueue({ key: null, value });
    await producer.flush();
    expect(acknowledged.toSorted((a, b) => a.first - b.first)).toEqual([
      { first: 1, next: 3 },
      { first: 7, next: 8 },
    ]);
  });

  it('answers −1 at the bound', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    const producer = create({ ...test, kafkaPartitions: KAFKA_PARTITIONS, pendingBytesMax: 100 });
    expect(producer.place({ key: null, value: Buffer.alloc(60), ordinal: 0 })).toBe(0);
    expect(producer.place({ key: null, value: Buffer.alloc(60), ordinal: 1 })).toBe(-1);
  });
});

describe('beforeSend', () => {
  it('is awaited before any byte of a batch leaves, and is never called from inside', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    let isInside = false;
    const producer = create({
      ...test,
      kafkaPartitions: KAFKA_PARTITIONS,
      lingerMs: 1,
      batchBytesMax: 300,
      beforeSend: () => {
        expect(isInside).toBe(false);
        calls += 1;
        return gate.promise;
      },
    });
    isInside = true;
    for (let ordinal = 0; ordinal < 10; ordinal++) {
      producer.place({ key: null, value: Buffer.alloc(100), ordinal });
    }
    isInside = false;
    await until(() => calls >= 3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await readTexts(test)).flat()).toEqual([]);
    gate.resolve();
    await producer.flush();
    expect((await readTexts(test)).flat().length).toBe(10);
  });

  it('that fails is a failed send, and the batch is sent when it does not', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    let failures = 2;
    const producer = create({
      ...test,
      kafkaPartitions: KAFKA_PARTITIONS,
      beforeSend: () => {
        failures -= 1;
        if (failures >= 0) {
          throw new Error('disk full');
        }
      },
    });
    producer.place({ key: null, value: Buffer.from('event'), ordinal: 0 });
    await producer.flush();
    expect(producer.stats).toMatchObject({ failedSends: 2, acknowledged: 1, failingSinceMs: null });
    expect((await readTexts(test)).flat()).toEqual(['event']);
  });
});

describe('sendBatch', () => {
  it('sends to the Kafka partition it is told, behind what waits for it, whatever the bound says', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    const producer = create({ ...test, kafkaPartitions: KAFKA_PARTITIONS, pendingBytesMax: 100 });
    producer.place({ key: null, value: Buffer.from('open batch'), ordinal: 0 });
    const records = ['first', 'second'].map((text) => ({ key: text, value: Buffer.from(text) }));
    await Promise.all([
      producer.sendBatch({ kafkaPartition: 0, records }),
      producer.sendBatch({ kafkaPartition: 2, records: [{ key: null, value: Buffer.alloc(200, 'x') }] }),
      producer.sendBatch({ kafkaPartition: 0, records: [{ key: null, value: Buffer.from('third') }] }),
      producer.sendBatch({ kafkaPartition: 1, records: [] }),
    ]);
    expect(await readTexts(test)).toEqual([
      ['open batch', 'first', 'second', 'third'],
      [],
      ['x'.repeat(200)],
    ]);
    expect(producer.stats).toMatchObject({ pending: 0, pendingBytes: 0, acknowledged: 5 });
  });

  it('refuses what does not fit in one batch, and foretells it', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    const producer = create({ ...test, kafkaPartitions: KAFKA_PARTITIONS, batchBytesMax: 1_000 });
    const records = Array.from({ length: 3 }, () => ({ key: 'key', value: Buffer.alloc(400) }));
    expect(producer.batchFits(3, 3 * 403)).toBe(false);
    await expect(producer.sendBatch({ kafkaPartition: 0, records })).rejects.toMatchObject({
      code: 'record_too_large',
    });
    expect(producer.batchFits(2, 2 * 403)).toBe(true);
    await producer.sendBatch({ kafkaPartition: 0, records: records.slice(1) });
  });

  it('rejects when the producer is closed before Kafka has acknowledged', async () => {
    const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
    const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
    await relay.cut();
    const producer = createBatchProducer({
      kafka: testKafka(relay.address),
      topic: test.topic,
      kafkaPartitions: KAFKA_PARTITIONS,
    });
    const records = [{ key: null, value: Buffer.from('event') }];
    const sent = producer.sendBatch({ kafkaPartition: 0, records }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(await producer.close(100)).toEqual({ unsent: 1 });
    expect(await sent).toMatchObject({ code: 'produce_failed' });
    await expect(producer.sendBatch({ kafkaPartition: 0, records })).rejects.toMatchObject({
      code: 'produce_failed',
    });
  });
});
