import { hostname } from 'node:os';
import { createSecretReader, loadBundle, openControl, readUserKeySecret } from '@meterstone/control';
import { createKafka, topicNames } from '@meterstone/kafka';
import {
  createLogger,
  createRegistry,
  installShutdown,
  type Logger,
  registerDoors,
} from '@meterstone/runtime';
import { createStoreClient } from '@meterstone/store';
import fastify from 'fastify';
import { createAggregator } from './aggregator.ts';
import { scheduleAudit } from './audit/scheduled-audit.ts';
import { type AggregatorConfig, readConfig } from './config.ts';
import { tuneGarbageCollection } from './garbage.ts';

const SERVICE = 'aggregator';
/** Longer than the deadline of one insert: the batch in hand may end. */
const SHUTDOWN_MS_MAX = 45_000;

/** Starts the aggregator; throws when it cannot work. Its doors are open while it waits for Kafka and ClickHouse. */
async function main(config: AggregatorConfig, env: NodeJS.ProcessEnv, logger: Logger): Promise<void> {
  const readSecret = createSecretReader(env);
  const control = await openControl({
    configPaths: config.config,
    bundlesFolder: config.bundlesFolder,
    readSecret,
    logger,
    watch: true,
  });
  const server = {
    url: config.clickhouseUrl,
    username: config.clickhouseUser,
    password: config.clickhousePassword,
    database: config.clickhouseDatabase,
  };
  const store = createStoreClient(server);
  const registry = createRegistry({ service: SERVICE });
  // In containers every process has the same id.
  const clientId = config.instance ?? `${SERVICE}-${hostname()}-${process.pid}`;
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId, logger });
  const aggregator = createAggregator({
    ...config,
    kafka,
    store,
    database: config.clickhouseDatabase,
    terms: () => control.snapshot().terms,
    loadTerms: (epoch) => loadBundle(config.bundlesFolder, epoch),
    userKeySecret: await readUserKeySecret(config.userKeySecret, readSecret),
    registry,
    logger,
    now: Date.now,
    random: Math.random,
  });
  const auditStore = createStoreClient({ ...server, connectionsMax: 1 });
  const audit = scheduleAudit({
    periodMs: config.auditPeriodMs,
    clientId,
    kafka,
    groupId: `${config.topicPrefix}.aggregator`,
    topic: topicNames(config.topicPrefix).usageEvents,
    store: auditStore,
    registry,
    logger,
    now: Date.now,
  });
  const doors = fastify({ logger: false });
  registerDoors(doors, { registry, readiness: aggregator.readiness });
  const stop = installShutdown({
    logger,
    timeoutMs: SHUTDOWN_MS_MAX,
    steps: [
      { name: 'audit', run: () => audit.stop() },
      { name: 'aggregator', run: () => aggregator.stop() },
      { name: 'doors', run: () => doors.close() },
      { name: 'store', run: () => Promise.all([store.close(), auditStore.close()]) },
      { name: 'control', run: () => control.close() },
    ],
  });
  const url = await doors.listen({ host: config.host, port: config.aggregatorPort });
  logger.info({ url }, 'aggregator listens');
  try {
    await aggregator.start();
  } catch (error) {
    logger.fatal({ err: error }, 'aggregator cannot work');
    await stop('aggregator cannot work', 1);
  }
}

tuneGarbageCollection();
try {
  const config = await readConfig(process.env);
  await main(config, process.env, createLogger({ service: SERVICE, level: config.logLevel }));
} catch (error) {
  createLogger({ service: SERVICE, level: 'info' }).fatal({ err: error }, 'aggregator could not start');
  process.exit(1);
}
