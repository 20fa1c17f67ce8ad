import { createKafka, type FetchedRecord, readRange } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';

/** Where a topic is read. */
export interface TopicPlace {
  readonly kafkaBrokers: string;
  readonly topic: string;
  readonly kafkaPartitions: number;
}

/** A client of the tests' own, which logs nothing. */
export function testKafka(kafkaBrokers: string) {
  const logger = createLogger({ service: 'test', level: 'silent' });
  return createKafka({ brokers: kafkaBrokers.split(','), clientId: 'test', logger });
}

/** Everything that Kafka has acknowledged on a topic, by Kafka partition. */
export async function readTopic({
  kafkaBrokers,
  topic,
  kafkaPartitions,
}: TopicPlace): Promise<FetchedRecord[][]> {
  const kafka = testKafka(kafkaBrokers);
  const all = { from: 0, to: Number.MAX_SAFE_INTEGER };
  return Promise.all(
    Array.from({ length: kafkaPartitions }, async (_, kafkaPartition) => [
      ...(await readRange({ kafka, topic, kafkaPartition, ...all })),
    ]),
  );
}
