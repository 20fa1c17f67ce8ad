import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { createTestTopic, testKafka } from './topic-for-test.ts';
import { ensureTopics, topicNames } from './topics.ts';

describe('ensureTopics', () => {
  it('makes both topics once, however often and however many call it', async () => {
    const kafka = testKafka(inject('kafkaBrokers'));
    const prefix = `test-${randomUUID()}`;
    const options = { prefix, kafkaPartitions: 3, replicationFactor: 1 };
    await Promise.all([ensureTopics(kafka, options), ensureTopics(kafka, options)]);
    await ensureTopics(kafka, options);

    const admin = kafka.kafkajs.admin();
    await admin.connect();
    const { usageEvents, deadLetters } = topicNames(prefix);
    expect(usageEvents).toBe(`${prefix}.usage-events`);
    const { topics } = await admin.fetchTopicMetadata({ topics: [usageEvents, deadLetters] });
    await admin.disconnect();
    const counts = Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]));
    expect(counts).toEqual({ [usageEvents]: 3, [deadLetters]: 1 });
  });

  it('refuses an existing topic with another number of Kafka partitions, and leaves it alone', async () => {
    const kafka = testKafka(inject('kafkaBrokers'));
    const prefix = `test-${randomUUID()}`;
    await ensureTopics(kafka, { prefix, kafkaPartitions: 3, replicationFactor: 1 });
    await expect(ensureTopics(kafka, { prefix, kafkaPartitions: 6, replicationFactor: 1 })).rejects.toThrow(
      expect.objectContaining({ code: 'topic_mismatch', retryable: false }),
    );
    await ensureTopics(kafka, { prefix, kafkaPartitions: 3, replicationFactor: 1 });
  });

  it('refuses an existing topic that takes the time of its producers', async () => {
    const { kafka } = await createTestTopic(inject('kafkaBrokers'), 1);
    const prefix = `test-${randomUUID()}`;
    const admin = kafka.kafkajs.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: topicNames(prefix).usageEvents, numPartitions: 3 }] });
    await admin.disconnect();
    await expect(ensureTopics(kafka, { prefix, kafkaPartitions: 3, replicationFactor: 1 })).rejects.toThrow(
      'message.timestamp.type',
    );
  });

  it('says with a code that no broker answers', async () => {
    const options = { prefix: 'unreachable', kafkaPartitions: 1, replicationFactor: 1 };
    await expect(ensureTopics(testKafka('127.0.0.1:1'), options)).rejects.toThrow(
      expect.objectContaining({ code: 'topics_unavailable', retryable: true }),
    );
  });
});
