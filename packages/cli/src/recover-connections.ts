import { createKafka, type KafkaClient, type TopicNames, topicNames } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import { createStoreClient, type StoreClient } from '@meterstone/store';
import { readUpSettings } from './up-settings.ts';

/** The pipeline that a verb looks at, as the settings name it. */
export interface Connections {
  readonly kafka: KafkaClient;
  readonly store: StoreClient;
  readonly topics: TopicNames;
  /** The aggregators' group, and the topic that it reads. */
  readonly group: { readonly kafka: KafkaClient; readonly groupId: string; readonly topic: string };
}

/** Opens connections for the time of a verb. Throws with all problems of the settings at once. */
export async function withConnections<Result>(
  env: Readonly<Record<string, string | undefined>>,
  work: (connections: Connections) => Promise<Result>,
): Promise<Result> {
  const { settings } = await readUpSettings(env);
  // What matters comes as an error of the verb; the client's own lines would only repeat it.
  const logger = createLogger({ service: 'meterstone', level: 'silent' });
  const kafka = createKafka({ brokers: settings.kafkaBrokers, clientId: 'meterstone-cli', logger });
  const store = createStoreClient({
    url: settings.clickhouseUrl,
    username: settings.clickhouseUser,
    password: settings.clickhousePassword,
    database: settings.clickhouseDatabase,
  });
  const topics = topicNames(settings.topicPrefix);
  const group = { kafka, groupId: `${settings.topicPrefix}.aggregator`, topic: topics.usageEvents };
  try {
    return await work({ kafka, store, topics, group });
  } finally {
    await store.close();
  }
}
