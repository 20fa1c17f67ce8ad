import type { KafkaClient } from './client.ts';
import { KafkaError } from './errors.ts';
import { type CommittedPosition, toPositions } from './group-ticket.ts';

/** A group on a topic. */
export interface GroupOnTopic {
  readonly kafka: KafkaClient;
  readonly groupId: string;
  readonly topic: string;
}

/**
 * The positions that a group has committed on a topic: Kafka partition → next offset. A Kafka partition without
 * a position (never committed, or expired) is not in the map. Throws KafkaError `read_failed`.
 */
export async function fetchCommitted(group: GroupOnTopic): Promise<Map<number, number>> {
  const positions = await fetchPositions(group);
  return new Map([...positions].map(([kafkaPartition, { nextOffset }]) => [kafkaPartition, nextOffset]));
}

/** As `fetchCommitted`, with what was committed beside each position. Throws KafkaError `read_failed`. */
export async function fetchPositions({
  kafka,
  groupId,
  topic,
}: GroupOnTopic): Promise<Map<number, CommittedPosition>> {
  const admin = kafka.kafkajs.admin();
  try {
    await admin.connect();
    const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return toPositions(answer?.partitions ?? []);
  } catch (error) {
    const message = `positions of ${groupId} on ${topic} could not be read`;
    throw new KafkaError(message, { code: 'read_failed', retryable: true, cause: error });
  } finally {
    await admin.disconnect();
  }
}
