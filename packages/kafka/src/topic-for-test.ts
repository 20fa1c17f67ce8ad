import { randomUUID } from 'node:crypto';
import { createLogger } from '@meterstone/runtime';
import { createKafka, type KafkaClient } from './client.ts';
import { createPartitionConsumer, type PartitionConsumerOptions } from './partition-consumer.ts';

/** For the tests of this package: a client and a topic of its own on the broker of the test run. */
export interface TestTopic {
  readonly kafka: KafkaClient;
  readonly topic: string;
  readonly groupId: string;
}

export function testKafka(brokers: string, clientId = 'kafka-test'): KafkaClient {
  const logger = createLogger({ service: 'kafka-test', level: 'silent' });
  return createKafka({ brokers: brokers.split(','), clientId, logger });
}

export async function createTestTopic(brokers: string, kafkaPartitions: number): Promise<TestTopic> {
  const kafka = testKafka(brokers);
  const topic = `kafka-test-${randomUUID()}`;
  const admin = kafka.kafkajs.admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      {
        topic,
        numPartitions: kafkaPartitions,
        configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
      },
    ],
  });
  await admin.disconnect();
  return { kafka, topic, groupId: `group-${topic}` };
}

/** Makes `offset` the first record of a Kafka partition, as retention does. */
export async function deleteRecordsBefore(
  { kafka, topic }: Pick<TestTopic, 'kafka' | 'topic'>,
  { kafkaPartition, offset }: { kafkaPartition: number; offset: number },
): Promise<void> {
  const admin = kafka.kafkajs.admin();
  await admin.connect();
  // kafkajs finds the leader only of topics that its connection has asked about.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({
    topic,
    partitions: [{ partition: kafkaPartition, offset: String(offset) }],
  });
  await admin.disconnect();
}

/** A consumer that fetches at once, and loses its place soon when it dies. */
export function testConsumer(
  { kafka, topic, groupId }: TestTopic,
  options: Pick<PartitionConsumerOptions, 'onBatch'> & Partial<PartitionConsumerOptions>,
) {
  return createPartitionConsumer({
    kafka,
    topic,
    groupId,
    fetchBytesMin: 1,
    sessionTimeoutMs: 6_000,
    ...options,
  });
}

/** Waits until the condition holds; the test's own timeout bounds it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
