import { type KafkaClient, readTopicId } from '@meterstone/kafka';
import { mintStream, readStreams, type StoreClient } from '@meterstone/store';
import { stopped } from './stops.ts';

/**
 * The number of a topic's incarnation; a topic that was never used gets one. Throws KafkaError `partition_stopped` where
 * the topic is not the one that its number was given to: it was deleted and made again, and what was stored of the first
 * one says nothing about this one. Whether to begin with a new number is for a person.
 */
export async function findStream({
  kafka,
  store,
  topic,
}: {
  readonly kafka: KafkaClient;
  readonly store: StoreClient;
  readonly topic: string;
}): Promise<number> {
  const fingerprint = await readTopicId(kafka, topic);
  const latest = (await readStreams(store, topic)).at(-1);
  if (latest === undefined) {
    const { stream } = await mintStream(store, { topic, fingerprint });
    return stream;
  }
  if (latest.fingerprint !== fingerprint) {
    throw stopped(
      `${topic} was deleted and made again: its id is ${fingerprint}, stream ${latest.stream} was of ${latest.fingerprint}`,
    );
  }
  return latest.stream;
}
