import kafkajs from 'kafkajs';
import type { KafkaClient } from './client.ts';
import { KafkaError } from './errors.ts';

/** What a topic of this product is, apart from the name's prefix and what a deployment decides. */
interface TopicDefinition {
  readonly suffix: string;
  /** A fixed number, or `null`: as configured when the topic is made. Never changed afterwards. */
  readonly kafkaPartitions: number | null;
  readonly config: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;
/**
 * The broker's clock stands on every record, so that it never lies before its predecessor's and no producer
 * can move it. Batches are kept as the producer compressed them.
 */
const COMMON = {
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
  'compression.type': 'producer',
};

/** Every topic of this product. */
export const TOPICS = {
  /** Kept for as long as ClickHouse may be away or a mistake unnoticed. */
  usageEvents: {
    suffix: 'usage-events',
    kafkaPartitions: null,
    config: { ...COMMON, 'retention.ms': String(7 * DAY_MS) },
  },
  /** One Kafka partition: letters are few, and are read in the order in which they were written. */
  deadLetters: {
    suffix: 'dead-letters',
    kafkaPartitions: 1,
    config: { ...COMMON, 'retention.ms': String(30 * DAY_MS) },
  },
} as const satisfies Record<string, TopicDefinition>;

export type TopicNames = { readonly [K in keyof typeof TOPICS]: string };

/** The full names: `<prefix>.usage-events`, `<prefix>.dead-letters`. */
export function topicNames(prefix: string): TopicNames {
  return {
    usageEvents: `${prefix}.${TOPICS.usageEvents.suffix}`,
    deadLetters: `${prefix}.${TOPICS.deadLetters.suffix}`,
  };
}

export interface EnsureTopicsOptions {
  readonly prefix: string;
  /** Of the usage events. */
  readonly kafkaPartitions: number;
  readonly replicationFactor: number;
}

/**
 * Makes the topics that are missing and leaves the others as they are; calling it again, or at the same time
 * elsewhere, changes nothing. Throws KafkaError `topic_mismatch` where an existing topic has another number of
 * Kafka partitions (events of one key would move) or takes the producer's clock, `topics_unavailable` where no
 * broker answers or it refuses for another reason.
 */
export async function ensureTopics(kafka: KafkaClient, options: EnsureTopicsOptions): Promise<void> {
  const names = topicNames(options.prefix);
  const wanted = [
    { topic: names.usageEvents, definition: TOPICS.usageEvents },
    { topic: names.deadLetters, definition: TOPICS.deadLetters },
  ].map(({ topic, definition }) => ({
    topic,
    numPartitions: definition.kafkaPartitions ?? options.kafkaPartitions,
    config: definition.config,
  }));
  const admin = kafka.kafkajs.admin();
  try {
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      timeout: CREATE_TIMEOUT_MS,
      topics: wanted.map(({ topic, numPartitions, config }) => ({
        topic,
        numPartitions,
        replicationFactor: options.replicationFactor,
        configEntries: toConfigEntries(config, options.replicationFactor),
      })),
    });
    for (const { topic, numPartitions } of wanted) {
      await checkTopic(admin, { topic, kafkaPartitions: numPartitions });
    }
  } catch (error) {
    if (error instanceof KafkaError) {
      throw error;
    }
    const message = `topics ${wanted.map(({ topic }) => topic).join(', ')} are not available`;
    throw new KafkaError(message, { code: 'topics_unavailable', retryable: true, cause: error });
  } finally {
    await admin.disconnect();
  }
}

const CREATE_TIMEOUT_MS = 10_000;

function toConfigEntries(config: Readonly<Record<string, string>>, replicationFactor: number) {
  // With three replicas, acks −1 means two: one broker may be away, and none may acknowledge alone.
  const replicas = replicationFactor >= 3 ? { 'min.insync.replicas': '2' } : {};
  return Object.entries({ ...config, ...replicas }).map(([name, value]) => ({ name, value }));
}

type Admin = ReturnType<KafkaClient['kafkajs']['admin']>;

async function checkTopic(
  admin: Admin,
  { topic, kafkaPartitions }: { topic: string; kafkaPartitions: number },
): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const found = topics[0]?.partitions.length ?? 0;
  if (found !== kafkaPartitions) {
    throw mismatch(`${topic} has ${found} Kafka partitions, configured are ${kafkaPartitions}`);
  }
  const name = 'message.timestamp.type';
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }],
  });
  const value = resources[0]?.configEntries.find(({ configName }) => configName === name)?.configValue;
  if (value !== COMMON[name]) {
    throw mismatch(`${topic} has ${name} = ${value}, needed is ${COMMON[name]}`);
  }
}

function mismatch(message: string): KafkaError {
  return new KafkaError(message, { code: 'topic_mismatch', retryable: false });
}
