import type { Logger } from '@meterstone/runtime';
import kafkajs, { type Kafka } from 'kafkajs';
import type { Cluster } from './kafkajs-internals.ts';
import { createKafkajsLog } from './kafkajs-log.ts';
import { patchKafkajs } from './kafkajs-patches.ts';

/** One Kafka, for the functions of this package. It holds no connection: each of them opens its own. */
export interface KafkaClient {
  /** For this package alone; the rest of the project does not know which client it is. */
  readonly kafkajs: Kafka;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
}

export interface KafkaOptions {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  /** Stands in the broker's logs and quotas. */
  readonly clientId: string;
  readonly logger: Logger;
  /** @default Date.now */
  readonly now?: () => number;
  /** @default Math.random */
  readonly random?: () => number;
}

/**
 * The one place where connections to Kafka get their settings, written out so that none is left to a default
 * of kafkajs. Patches kafkajs; throws KafkaError `unsupported_client` if another version is installed.
 */
export function createKafka({
  brokers,
  clientId,
  logger,
  now = Date.now,
  random = Math.random,
}: KafkaOptions): KafkaClient {
  patchKafkajs();
  const log = createKafkajsLog(logger, now);
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    retry: CLIENT_RETRY,
    logLevel: log.level,
    logCreator: () => log.write,
  });
  return { kafkajs: client, logger, now, random };
}

/** The cluster behind a client, for what kafkajs offers only inside a consumer group. The caller closes it. */
export function openCluster(kafka: KafkaClient): Cluster {
  const key = Object.getOwnPropertySymbols(kafka.kafkajs).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  // The symbol is private to kafkajs 2.2.4, the one version that createKafka accepts.
  const factories = kafka.kafkajs as unknown as Record<symbol, (options: object) => Cluster>;
  const createCluster = key === undefined ? undefined : factories[key];
  if (createCluster === undefined) {
    throw new TypeError('kafkajs has no cluster factory');
  }
  return createCluster({ metadataMaxAge: METADATA_MAX_AGE_MS, allowAutoTopicCreation: false });
}

const CONNECTION_TIMEOUT_MS = 3_000;
/** A broker that hangs is noticed after this; the default of 30 s is longer than a shutdown may take. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** Leaders moved without an error that tells us are looked up at least this often. */
export const METADATA_MAX_AGE_MS = 60_000;
/** Inside one call. The loops of this package retry around it with a back-off of their own. */
const CLIENT_RETRY = {
  initialRetryTime: 100,
  maxRetryTime: 2_000,
  factor: 0.2,
  multiplier: 2,
  retries: 3,
};
