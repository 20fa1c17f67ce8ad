import { randomFillSync } from 'node:crypto';
import { createSecretReader, openControl } from '@meterstone/control';
import { encodeUsageEvent } from '@meterstone/events';
import { createBatchProducer, createKafka, topicNames } from '@meterstone/kafka';
import { createLogger, createRegistry } from '@meterstone/runtime';
import { PROXY_LIMITS } from '../../../services/proxy/src/config.ts';
import { createProxy } from '../../../services/proxy/src/server.ts';
import { answerParent } from '../worker-commands.ts';

/** What it stands on; the answer has the port of its own. */
export interface UnjournaledQuestion {
  readonly folder: string;
  readonly configPath: string;
  readonly kafkaBrokers: readonly string[];
  readonly topicPrefix: string;
  readonly kafkaPartitions: number;
}
export interface UnjournaledListening {
  readonly port: number;
}

/**
 * Our proxy as it would be if nothing of an attempt were on disk: events go from memory to Kafka, so `kill -9` loses
 * what Kafka has not acknowledged. No setting gives that; it stands here to tell what the journal costs.
 */
await answerParent<UnjournaledQuestion>(async (question) => {
  const logger = createLogger({ service: 'unjournaled', level: 'silent' });
  const control = await openControl({
    configPaths: [question.configPath],
    bundlesFolder: question.folder,
    readSecret: createSecretReader({ BENCH_PROVIDER_KEY: 'sk-bench' }),
    logger,
    watch: false,
  });
  const producer = createBatchProducer({
    kafka: createKafka({ brokers: question.kafkaBrokers, clientId: 'unjournaled', logger }),
    topic: topicNames(question.topicPrefix).usageEvents,
    kafkaPartitions: question.kafkaPartitions,
  });
  const proxy = createProxy({
    snapshot: control.snapshot,
    limits: PROXY_LIMITS,
    encode: encodeUsageEvent,
    sink: {
      note: () => null,
      whenNoted: (callback) => callback(),
      renew: () => undefined,
      drop: () => undefined,
      send: (_entry, { records }) => records.filter((record) => !producer.enqueue(record)).length,
    },
    whenJournalFull: 'serve',
    pendingBytes: () => producer.pendingBytes,
    readiness: () => ({ ready: true, reasons: [] }),
    registry: createRegistry({ service: 'unjournaled' }),
    logger,
    sourceRef: 'unjournaled',
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: (bytes) => randomFillSync(bytes),
  });
  const url = await proxy.listen({ host: '127.0.0.1', port: 0 });
  return { port: Number(new URL(url).port) } satisfies UnjournaledListening;
});
