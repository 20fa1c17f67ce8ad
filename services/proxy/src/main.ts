import { randomFillSync } from 'node:crypto';
import { createSecretReader, openControl } from '@meterstone/control';
import { encodeUsageEvent } from '@meterstone/events';
import { createBatchProducer, createKafka, topicNames } from '@meterstone/kafka';
import { createLogger, createRegistry, installShutdown, type Logger } from '@meterstone/runtime';
import packageJson from '../package.json' with { type: 'json' };
import { PROXY_LIMITS, type ProxyConfig, readConfig } from './config.ts';
import { registerProducerMetrics } from './metrics.ts';
import { createProxy } from './server.ts';

const SERVICE = 'proxy';
/** Requests in flight may end, and their events reach Kafka. */
const SHUTDOWN_MS_MAX = 45_000;
const PRODUCER_CLOSE_MS_MAX = 10_000;
const KAFKA_FAILS = 'kafka acknowledges nothing: usage events wait in memory';

async function main(config: ProxyConfig, env: NodeJS.ProcessEnv, logger: Logger): Promise<void> {
  const instance = config.instance ?? `${SERVICE}-${process.pid}`;
  const control = await openControl({
    configPaths: config.config,
    bundlesFolder: config.bundlesFolder,
    readSecret: createSecretReader(env),
    logger,
    watch: true,
  });
  const producer = createBatchProducer({
    kafka: createKafka({ brokers: config.kafkaBrokers, clientId: instance, logger }),
    topic: topicNames(config.topicPrefix).usageEvents,
    kafkaPartitions: config.kafkaPartitions,
  });
  const registry = createRegistry({ service: SERVICE });
  registerProducerMetrics(registry, producer.stats);
  const proxy = createProxy({
    snapshot: control.snapshot,
    limits: PROXY_LIMITS,
    encode: encodeUsageEvent,
    enqueue: (record) => producer.enqueue(record),
    pendingBytes: () => producer.pendingBytes,
    // Requests are served whatever Kafka does: events wait in memory up to the producer's bound.
    readiness: () => ({ ready: true, reasons: producer.stats.failingSinceMs === null ? [] : [KAFKA_FAILS] }),
    registry,
    logger,
    sourceRef: `${instance}/${packageJson.version}`,
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
        name: 'producer',
        run: async () => {
          const { unsent } = await producer.close(PRODUCER_CLOSE_MS_MAX);
          if (unsent > 0) {
            logger.error({ unsent }, 'usage events were not acknowledged by Kafka and are lost');
          }
        },
      },
      { name: 'control', run: () => control.close() },
    ],
  });
  const url = await proxy.listen({ host: config.host, port: config.proxyPort });
  logger.info({ url }, 'proxy listens');
}

try {
  const config = await readConfig(process.env);
  await main(config, process.env, createLogger({ service: SERVICE, level: config.logLevel }));
} catch (error) {
  createLogger({ service: SERVICE, level: 'info' }).fatal({ err: error }, 'proxy could not start');
  process.exit(1);
}
