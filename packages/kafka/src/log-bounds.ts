import type { KafkaClient } from './client.ts';
import { KafkaError } from './errors.ts';

/** What the log of a Kafka partition holds: offsets `[start, end)`. */
export interface LogBounds {
  readonly start: number;
  /** Where the next record will stand. */
  readonly end: number;
}

/** The bounds of every Kafka partition of a topic at this moment. Throws KafkaError `read_failed`. */
export async function readLogBounds(kafka: KafkaClient, topic: string): Promise<Map<number, LogBounds>> {
  const admin = kafka.kafkajs.admin();
  try {
    await admin.connect();
    const partitions = await admin.fetchTopicOffsets(topic);
    return new Map(
      partitions.map(({ partition, low, high }) => [partition, { start: Number(low), end: Number(high) }]),
    );
  } catch (error) {
    const message = `the bounds of ${topic} could not be read`;
    throw new KafkaError(message, { code: 'read_failed', retryable: true, cause: error });
  } finally {
    await admin.disconnect();
  }
}
