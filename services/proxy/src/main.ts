import cluster from 'node:cluster';
import { randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecretReader, openControl } from '@meterstone/control';
import { encodeUsageEvent } from '@meterstone/events';
import { createKafka, type KafkaClient, readTopicId, topicNames } from '@meterstone/kafka';
import { createLogger, createRegistry, installShutdown, type Logger } from '@meterstone/runtime';
import packageJson from '../package.json' with { type: 'json' };
import { runPrimary } from './cluster/primary.ts';
import { linkToPrimary } from './cluster/worker-link.ts';
import { PROXY_LIMITS, type ProxyConfig, readConfig } from './config.ts';
import { createEventStore } from './event/event-store.ts';
import { registerJournalMetrics, registerProducerMetrics } from './metrics.ts';
import { createProxy } from './server.ts';

const SERVICE = 'proxy';
/** Requests in flight may end, and their events reach Kafka. */
const SHUTDOWN_MS_MAX = 45_000;
const CLUSTER_SHUTDOWN_MS_MAX = SHUTDOWN_MS_MAX + 2_000;
const PRODUCER_CLOSE_MS_MAX = 10_000;
/** A start waits so long for Kafka to tell which topic it is. */
const TOPIC_ID_MS_MAX = 1_000;
const KAFKA_FAILS = 'kafka acknowledges nothing: usage events wait in the journal';

/** One process that serves: the only one, or a worker among others. */
async function serve(config: ProxyConfig, env: NodeJS.ProcessEnv, logger: Logger): Promise<void> {
  const instance = config.instance ?? `${SERVICE}-${process.pid}`;
  const control = await openControl({
    configPaths: config.config,
    bundlesFolder: config.bundlesFolder,
    readSecret: createSecretReader(env),
    logger,
    watch: true,
  });
  const sourceRef = `${instance}/${packageJson.version}`;
  const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: instance, logger });
  const topic = topicNames(config.topicPrefix).usageEvents;
  const store = createEventStore({
    kafka,
    topic,
    topicId: await askForTopicId(kafka, topic),
    kafkaPartitions: config.kafkaPartitions,
    folder: config.journalFolder,
    instance,
    pid: process.pid,
    sourceRef,
    journalBytesMax: config.journalBytesMax,
    fsyncMs: config.fsyncMs,
    logger,
    now: Date.now,
    random: Math.random,
  });
  const { journal, producer } = store;
  const registry = createRegistry({ service: SERVICE });
  registerProducerMetrics(registry, producer.stats);
  registerJournalMetrics(registry, { journal, isBehind: store.isBehind, now: Date.now });
  // Requests are served whatever Kafka does: events wait in the journal, up to its limit.
  const readiness = () => ({
    ready: true,
    reasons: producer.stats.failingSinceMs === null ? [] : [KAFKA_FAILS],
  });
  const proxy = createProxy({
    snapshot: control.snapshot,
    limits: PROXY_LIMITS,
    encode: encodeUsageEvent,
    sink: store.sink,
    whenJournalFull: config.journalFull,
    pendingBytes: () => producer.pendingBytes,
    readiness,
    registry,
    logger,
    sourceRef,
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: (bytes) => randomFillSync(bytes),
  });
  installShutdown({
    logger,
    timeoutMs: SHUTDOWN_MS_MAX,
    steps: [
      { name: 'proxy', run: () => proxy.close() },
      {
        name: 'events',
        run: async () => {
          const { openNotes, unsettled } = await store.close(PRODUCER_CLOSE_MS_MAX);
          if (openNotes + unsettled > 0) {
            // The exit status says that somebody has to start a proxy on this folder.
            throw new Error(
              `${unsettled} events and ${openNotes} attempts wait in the journal for the next start`,
            );
          }
        },
      },
      { name: 'control', run: () => control.close() },
    ],
  });
  store.replay();
  const url = await proxy.listen({ host: config.host, port: config.proxyPort });
  logger.info({ url }, 'proxy listens');
  if (cluster.isWorker) linkToPrimary({ registry, readiness, self: process });
}

function runCluster(config: ProxyConfig, logger: Logger): Promise<void> {
  return runPrimary({
    workers: config.proxyWorkers,
    instance: config.instance ?? `${SERVICE}-${process.pid}`,
    host: config.host,
    doorsPort: config.proxyDoorsPort,
    shutdownMsMax: CLUSTER_SHUTDOWN_MS_MAX,
    logger,
    now: Date.now,
    random: Math.random,
  });
}

/** For the journal, which can do without: a proxy starts, and serves, whether Kafka answers or not. */
async function askForTopicId(kafka: KafkaClient, topic: string): Promise<string | null> {
  const asked = readTopicId(kafka, topic).catch(() => null);
  return Promise.race([asked, sleep(TOPIC_ID_MS_MAX, null, { ref: false })]);
}

try {
  const config = await readConfig(process.env);
  const logger = createLogger({ service: SERVICE, level: config.logLevel });
  const isPrimary = config.proxyWorkers > 1 && cluster.isPrimary;
  await (isPrimary ? runCluster(config, logger) : serve(config, process.env, logger));
} catch (error) {
  createLogger({ service: SERVICE, level: 'info' }).fatal({ err: error }, 'proxy could not start');
  process.exit(1);
}
