import type { KafkaClient } from './client.ts';
import { KafkaError } from './errors.ts';

/**
 * The positions that a group has committed on a topic: Kafka partition → next offset. A Kafka partition without
 * a position (never committed, or expired) is not in the map. Throws KafkaError `read_failed`.
 */
export async function fetchCommitted({
  kafka,
  groupId,
  topic,
}: {
  readonly kafka: KafkaClient;
  readonly groupId: string;
  readonly topic: string;
}): Promise<Map<number, number>> {
  const admin = kafka.kafkajs.admin();
  try {
    await admin.connect();
    const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const positions = (answer?.partitions ?? []).map(
      ({ partition, offset }) => [partition, Number(offset)] as const,
    );
    return new Map(positions.filter(([, nextOffset]) => nextOffset >= 0));
  } catch (error) {
    const message = `positions of ${groupId} on ${topic} could not be read`;
    throw new KafkaError(message, { code: 'read_failed', retryable: true, cause: error });
  } finally {
    await admin.disconnect();
  }
}
