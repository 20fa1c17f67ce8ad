import { ensureTopics, type KafkaClient } from '@meterstone/kafka';
import { type Logger, retry } from '@meterstone/runtime';
import { migrate, type StoreClient } from '@meterstone/store';

export interface PrepareOptions {
  readonly kafka: KafkaClient;
  readonly topicPrefix: string;
  /** Of the usage events. */
  readonly kafkaPartitions: number;
  readonly replicationFactor: number;
  readonly store: StoreClient;
  readonly database: string;
  readonly logger: Logger;
  readonly random: () => number;
  /** Ends the waiting at shutdown. */
  readonly signal: AbortSignal;
  /** Told before each wait what is waited for, as a clause for a person. */
  readonly onWait: (reason: string) => void;
}

const BACK_OFF = { delayMs: 200, delayMsMax: 5_000, attemptsMax: Number.POSITIVE_INFINITY };

/**
 * Makes topics and tables what this program needs, waiting for Kafka and ClickHouse for as long as they take.
 * Rejects at once where waiting cannot help: `topic_mismatch`, `migration_changed`, `server_refused`.
 */
export async function prepare(options: PrepareOptions): Promise<void> {
  const { kafka, topicPrefix: prefix, kafkaPartitions, replicationFactor, logger } = options;
  const { store: client, database } = options;
  await untilDone(options, 'Kafka, topics', () =>
    ensureTopics(kafka, { prefix, kafkaPartitions, replicationFactor }),
  );
  await untilDone(options, 'ClickHouse, tables', () => migrate({ client, database, logger }));
}

async function untilDone(
  { logger, random, signal, onWait }: PrepareOptions,
  what: string,
  operation: () => Promise<unknown>,
): Promise<void> {
  await retry(operation, {
    ...BACK_OFF,
    random,
    signal,
    isRetryable: (error) => !(error instanceof Error && 'retryable' in error && error.retryable === false),
    onRetry: ({ error, attempt, waitMs }) => {
      onWait(`waits for ${what}`);
      logger.warn({ err: error, what, attempt, waitMs }, 'not prepared yet, trying again');
    },
  });
}
