import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createKafka, ensureTopics, type KafkaClient, type TopicNames, topicNames } from '@meterstone/kafka';
import { findFreePorts, type Stack, startStack } from '@meterstone/local-stack';
import { createLogger } from '@meterstone/runtime';
import { createStoreClient, migrate, type StoreClient } from '@meterstone/store';
import { openTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';
import { type PipelineConfig, writePipelineConfig } from './pipeline-config.ts';
import { type LedgerProvider, startLedgerProvider } from './provider.ts';
import { createServiceProcess, type ServiceProcess } from './service-process.ts';

/** An aggregator and the two relays through which it works. */
export interface AggregatorSeat {
  readonly process: ServiceProcess;
  readonly toClickHouse: TcpRelay;
  readonly toKafka: TcpRelay;
}

/** Everything that can be hurt, and the doors through which the harness looks at what is left. */
export interface PipelineUnderTest {
  readonly stack: Stack;
  readonly provider: LedgerProvider;
  readonly config: PipelineConfig;
  readonly proxy: ServiceProcess;
  readonly proxyToKafka: TcpRelay;
  /** Two that run from the start, and one more seat for those that come and go. */
  readonly aggregators: readonly AggregatorSeat[];
  readonly kafka: KafkaClient;
  readonly store: StoreClient;
  readonly topics: TopicNames;
  readonly groupId: string;
  readonly database: string;
  /** Ends the services and leaves the stack and the database. */
  stopServices(): Promise<void>;
}

export const KAFKA_PARTITIONS = 4;
const AGGREGATORS = 3;
const AGGREGATORS_AT_FIRST = 2;
const READY_MS_MAX = 60_000;
const CACHE_FOLDER = join(import.meta.dirname, '../../.meterstone/cache');

/** A Kafka and a ClickHouse of the harness's own, which it may kill. */
export function startOwnStack(folder: string, say: (line: string) => void): Promise<Stack> {
  return startStack({
    folder: join(folder, 'stack'),
    cacheFolder: CACHE_FOLDER,
    env: process.env,
    onProgress: say,
    onServerExit: ({ name, logTail }) => say(`${name} ended by itself; ${logTail}`),
  });
}

/** Starts the services on a topic and a database of their own and resolves when all say that they do their work. */
export async function startPipelineUnderTest(
  stack: Stack,
  { folder, seed }: { folder: string; seed: number },
): Promise<PipelineUnderTest> {
  const suffix = randomBytes(4).toString('hex');
  const home = join(folder, suffix);
  mkdirSync(home, { recursive: true });
  const prefix = `integrity-${suffix}`;
  const database = `integrity_${suffix}`;
  const provider = await startLedgerProvider(seed);
  const config = await writePipelineConfig(join(home, 'config'), provider.url);
  const kafka = createKafka({
    brokers: stack.kafkaBrokers.split(','),
    clientId: 'integrity',
    logger: createLogger({ service: 'integrity', level: 'silent' }),
  });
  const store = createStoreClient({ url: stack.clickhouseUrl, username: 'default', password: '', database });
  await ensureTopics(kafka, { prefix, kafkaPartitions: KAFKA_PARTITIONS, replicationFactor: 1 });
  await migrate({ client: store, database });
  const env = serviceEnvironment({ home, config, prefix, database });
  const [proxyPort = 0, ...ports] = await findFreePorts(1 + AGGREGATORS);
  const proxyToKafka = await openTcpRelay({ target: stack.kafkaBrokers, isKafka: true });
  const proxy = createServiceProcess({
    name: 'proxy',
    service: 'proxy',
    port: proxyPort,
    logFolder: home,
    env: { ...env, METERSTONE_PROXY_PORT: String(proxyPort), METERSTONE_KAFKA_BROKERS: proxyToKafka.address },
  });
  const aggregators = await Promise.all(
    ports.map((port, index) => openSeat({ stack, home, env, port, name: `aggregator-${index + 1}` })),
  );
  const services = [proxy, ...aggregators.slice(0, AGGREGATORS_AT_FIRST).map((seat) => seat.process)];
  for (const service of services) service.start();
  const ready = await Promise.all(services.map((service) => service.ready(READY_MS_MAX)));
  const pipeline: PipelineUnderTest = {
    stack,
    provider,
    config,
    proxy,
    proxyToKafka,
    aggregators,
    kafka,
    store,
    topics: topicNames(prefix),
    groupId: `${prefix}.aggregator`,
    database,
    stopServices: async () => {
      await Promise.all([proxy.stop(), ...aggregators.map((seat) => seat.process.stop())]);
      await Promise.all(aggregators.flatMap((seat) => [seat.toClickHouse.close(), seat.toKafka.close()]));
      await Promise.all([proxyToKafka.close(), provider.close(), store.close()]);
    },
  };
  if (ready.every(Boolean)) return pipeline;
  await pipeline.stopServices();
  throw new Error(`not every service was ready within ${READY_MS_MAX} ms; their logs are in ${home}`);
}

interface SeatOptions {
  readonly stack: Stack;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly name: string;
}

async function openSeat({ stack, home, env, port, name }: SeatOptions): Promise<AggregatorSeat> {
  const toClickHouse = await openTcpRelay({ target: new URL(stack.clickhouseUrl).host });
  const toKafka = await openTcpRelay({ target: stack.kafkaBrokers, isKafka: true });
  const process = createServiceProcess({
    name,
    service: 'aggregator',
    port,
    logFolder: home,
    env: {
      ...env,
      METERSTONE_INSTANCE: name,
      METERSTONE_AGGREGATOR_PORT: String(port),
      METERSTONE_KAFKA_BROKERS: toKafka.address,
      METERSTONE_CLICKHOUSE_URL: `http://${toClickHouse.address}`,
    },
  });
  return { process, toClickHouse, toKafka };
}

function serviceEnvironment(options: {
  readonly home: string;
  readonly config: PipelineConfig;
  readonly prefix: string;
  readonly database: string;
}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('METERSTONE_'),
  );
  return {
    ...Object.fromEntries(inherited),
    METERSTONE_CONFIG: options.config.configPath,
    METERSTONE_FOLDER: options.home,
    METERSTONE_CLICKHOUSE_DATABASE: options.database,
    METERSTONE_TOPIC_PREFIX: options.prefix,
    METERSTONE_KAFKA_PARTITIONS: String(KAFKA_PARTITIONS),
    METERSTONE_USER_KEY_SECRET: options.config.userKeySecret,
  };
}
