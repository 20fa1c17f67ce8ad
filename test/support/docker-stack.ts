import { CLICKHOUSE_IMAGE, clickhouseUsers, findFreePorts, KAFKA_IMAGE } from '@meterstone/local-stack';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import type { TestStack } from './stack-setup.ts';

const KAFKA_PORT = 9092;
const CLICKHOUSE_HTTP_PORT = 8123;
const STARTUP_MS_MAX = 120_000;

/** Kafka and ClickHouse in containers of a Docker daemon on this machine. */
export async function startDockerStack(): Promise<TestStack> {
  const outcomes = await Promise.allSettled([startKafka(), startClickHouse()]);
  const [kafka, clickhouse] = outcomes;
  if (kafka.status === 'fulfilled' && clickhouse.status === 'fulfilled') {
    return {
      kafkaBrokers: kafka.value.address,
      clickhouseUrl: clickhouse.value.address,
      stop: async () => {
        await Promise.all([kafka.value.container.stop(), clickhouse.value.container.stop()]);
      },
    };
  }
  for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.container.stop();
  throw kafka.status === 'rejected'
    ? kafka.reason
    : new Error('ClickHouse did not start', { cause: clickhouse });
}

type Started = { container: StartedTestContainer; address: string };

async function startKafka(): Promise<Started> {
  // Clients are sent to the advertised address, so the port outside must be known before the start.
  const [port = 0] = await findFreePorts(1);
  const address = `127.0.0.1:${port}`;
  const container = await new GenericContainer(KAFKA_IMAGE)
    .withExposedPorts({ container: KAFKA_PORT, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: `PLAINTEXT://:${KAFKA_PORT},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${address}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(STARTUP_MS_MAX)
    .start();
  return { container, address };
}

async function startClickHouse(): Promise<Started> {
  const container = await new GenericContainer(CLICKHOUSE_IMAGE)
    .withExposedPorts(CLICKHOUSE_HTTP_PORT)
    // Otherwise the image replaces the users below by a `default` that only the container itself may use.
    .withEnvironment({ CLICKHOUSE_SKIP_USER_SETUP: '1' })
    .withCopyContentToContainer([
      {
        content: clickhouseUsers({ databases: null, networks: ['::/0'] }),
        target: '/etc/clickhouse-server/users.xml',
        mode: 0o644,
      },
    ])
    .withUlimits({ nofile: { soft: 262_144, hard: 262_144 } })
    .withWaitStrategy(Wait.forHttp('/?query=SELECT%201', CLICKHOUSE_HTTP_PORT).forStatusCode(200))
    .withStartupTimeout(STARTUP_MS_MAX)
    .start();
  return {
    container,
    address: `http://${container.getHost()}:${container.getMappedPort(CLICKHOUSE_HTTP_PORT)}`,
  };
}
