import { type KafkaClient, readLogBounds, readTopicId } from '@meterstone/kafka';

/** A topic as it is on Kafka at this moment. */
export interface TopicNow {
  /** 32 hex digits; a topic deleted and made again under the same name has another one. */
  readonly id: string;
  /** It has those from 0 to before this one. */
  readonly kafkaPartitions: number;
}

/** Asks Kafka. Throws KafkaError `read_failed`, also where there is no such topic. */
export async function readTopicNow(kafka: KafkaClient, topic: string): Promise<TopicNow> {
  // The bounds after the id: of a topic made again in between they are the newer ones, which is what is sent to.
  const id = await readTopicId(kafka, topic);
  const bounds = await readLogBounds(kafka, topic);
  return { id, kafkaPartitions: bounds.size };
}
