import { join, resolve } from 'node:path';
import { type ClickHouseServerOptions, prepareClickHouseServer } from './clickhouse-server.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Environment, findJava } from './java.ts';
import { type KafkaBrokerOptions, laptopJvm, prepareKafkaBroker } from './kafka-broker.ts';
import { fetchKafkaJars } from './kafka-jars.ts';
import { clearLeftovers, pidFolderOf } from './leftovers.ts';
import { findFreePorts, LOOPBACK, requireFreePorts, type WantedPort } from './ports.ts';
import { type ServerExit, StackServer } from './stack-server.ts';

/** Ports of the stack; of a part left out, free ones are taken. */
export type StackPorts = {
  /** One per broker. */
  kafka?: readonly number[];
  kafkaController?: number;
  /** One per shard. */
  clickhouseHttp?: readonly number[];
  /** One per shard. */
  clickhouseTcp?: readonly number[];
};

/** What the stack is made of. */
export type StackOptions = {
  /** Holds `data` (records, tables), `log` and `pids`. */
  folder: string;
  /** Where fetched jars are kept between runs. @default `<folder>/cache` */
  cacheFolder?: string;
  /** The environment in which Java and Maven are looked for and the servers run. */
  env: Environment;
  ports?: StackPorts;
  /** @default 1 */
  brokers?: 1 | 3;
  /** ClickHouse servers, each one shard of the cluster `meterstone`. @default 1 */
  shards?: 1 | 2;
  memory?: {
    /** Heap of each broker; without effect when `kafkaJvm` is given. @default 192 */
    kafkaHeapMegabytesMax?: number;
    /** Bound of all that a ClickHouse server allocates. @default 1024 */
    clickhouseMegabytesMax?: number;
  };
  /** Flags of the brokers' JVM instead of the laptop's. */
  kafkaJvm?: readonly string[];
  /** Databases on which the users `ingest`, `report` and `analyst` have their rights; absent means all. */
  databases?: readonly string[];
  kafkaLogLevel?: KafkaBrokerOptions['logLevel'];
  clickhouseLogLevel?: ClickHouseServerOptions['logLevel'];
  /** Told one line for each step that takes time. */
  onProgress?: (line: string) => void;
  /** Told when a server ended that was not stopped or killed through the stack; nothing restarts it by itself. */
  onServerExit?: (exit: ServerExit) => void;
  clock?: Clock;
  random?: () => number;
};

/** A running stack. */
export type Stack = {
  /** Comma-separated `host:port` of every broker. */
  readonly kafkaBrokers: string;
  /** HTTP address of the first ClickHouse server. */
  readonly clickhouseUrl: string;
  /** HTTP addresses of all ClickHouse servers, in shard order. */
  readonly clickhouseUrls: readonly string[];
  readonly kafka: readonly StackServer[];
  readonly clickhouse: readonly StackServer[];
  /** Name → process id of every process that runs now, guardians included. */
  pids(): Record<string, number>;
  /** Stops everything for good; 0 kills at once, absent gives each server the time that it usually needs. */
  stop(graceMs?: number): Promise<void>;
};

type Settled = StackOptions & {
  cacheFolder: string;
  clock: Clock;
  onProgress: (line: string) => void;
  ports: Required<StackPorts>;
  dataFolder: string;
  logFolder: string;
  pidFolder: string;
};

const KAFKA_HEAP_MEGABYTES = 192;
const CLICKHOUSE_MEGABYTES = 1_024;

/**
 * Starts Kafka and ClickHouse and resolves when both answer real requests.
 *
 * Ends first what an earlier run left behind in the folder. Rejects with a StackError, everything stopped, and
 * nothing started when a port is in use or something is not installed.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const settled = await settle(options);
  await clearLeftovers(settled);
  await requireFreePorts(wantedPorts(settled.ports));
  const java = await findJava(settled.env);
  const jarsFolder = await fetchKafkaJars({
    cacheFolder: settled.cacheFolder,
    env: settled.env,
    clock: settled.clock,
    onProgress: settled.onProgress,
  });
  const servers = await prepare(settled, java, jarsFolder);
  await startAll(servers, settled);
  return describeStack(servers, settled);
}

async function settle(options: StackOptions): Promise<Settled> {
  const brokers = options.brokers ?? 1;
  const shards = options.shards ?? 1;
  const free = await findFreePorts(brokers + 1 + 2 * shards, options.random ?? Math.random);
  const folder = resolve(options.folder);
  return {
    ...options,
    folder,
    cacheFolder: resolve(options.cacheFolder ?? join(folder, 'cache')),
    clock: options.clock ?? systemClock,
    onProgress: options.onProgress ?? (() => {}),
    ports: {
      kafka: options.ports?.kafka ?? free.splice(0, brokers),
      kafkaController: options.ports?.kafkaController ?? free.splice(0, 1)[0] ?? 0,
      clickhouseHttp: options.ports?.clickhouseHttp ?? free.splice(0, shards),
      clickhouseTcp: options.ports?.clickhouseTcp ?? free.splice(0, shards),
    },
    dataFolder: join(folder, 'data'),
    logFolder: join(folder, 'log'),
    pidFolder: pidFolderOf(folder),
  };
}

function wantedPorts(ports: Required<StackPorts>): WantedPort[] {
  const want = (title: string, variable: string) => (port: number) => ({ port, title, variable });
  return [
    ...ports.kafka.map(want('Kafka', 'METERSTONE_KAFKA_PORT')),
    want("Kafka's controller", 'METERSTONE_KAFKA_CONTROLLER_PORT')(ports.kafkaController),
    ...ports.clickhouseHttp.map(want('ClickHouse (HTTP)', 'METERSTONE_CLICKHOUSE_HTTP_PORT')),
    ...ports.clickhouseTcp.map(want('ClickHouse (native)', 'METERSTONE_CLICKHOUSE_TCP_PORT')),
  ];
}

type Servers = { kafka: StackServer[]; clickhouse: StackServer[] };

async function prepare(settled: Settled, java: string, jarsFolder: string): Promise<Servers> {
  const { ports, clock, env, dataFolder, logFolder, pidFolder, memory } = settled;
  const onExit = settled.onServerExit ?? (() => {});
  const folders = { env, dataFolder, logFolder, pidFolder };
  settled.onProgress('preparing the data folders of Kafka and ClickHouse');
  const kafka = ports.kafka.map((port, index) =>
    prepareKafkaBroker({
      ...folders,
      clock,
      id: index + 1,
      port,
      controllerPort: ports.kafkaController,
      brokers: settled.brokers ?? 1,
      java,
      jarsFolder,
      jvm: settled.kafkaJvm ?? laptopJvm(memory?.kafkaHeapMegabytesMax ?? KAFKA_HEAP_MEGABYTES),
      logLevel: settled.kafkaLogLevel ?? 'warn',
    }),
  );
  const clickhouse = ports.clickhouseHttp.map((httpPort, index) =>
    prepareClickHouseServer({
      ...folders,
      number: index + 1,
      httpPort,
      tcpPort: ports.clickhouseTcp[index] ?? 0,
      shardPorts: ports.clickhouseTcp,
      memoryMegabytesMax: memory?.clickhouseMegabytesMax ?? CLICKHOUSE_MEGABYTES,
      databases: settled.databases ?? null,
      logLevel: settled.clickhouseLogLevel ?? 'warning',
    }),
  );
  const [kafkaPlans, clickhousePlans] = await Promise.all([Promise.all(kafka), Promise.all(clickhouse)]);
  return {
    kafka: kafkaPlans.map((plan) => new StackServer(plan, clock, onExit)),
    clickhouse: clickhousePlans.map((plan) => new StackServer(plan, clock, onExit)),
  };
}

async function startAll(servers: Servers, settled: Settled): Promise<void> {
  const { clock, onProgress } = settled;
  const start = async (server: StackServer): Promise<void> => {
    const begun = clock.now();
    onProgress(`starting ${server.name}`);
    await server.start();
    onProgress(`${server.name} answers (${clock.now() - begun} ms)`);
  };
  const starts = [...servers.kafka, ...servers.clickhouse].map(start);
  try {
    await Promise.all(starts);
  } catch (error) {
    await closeAll(servers, 0);
    await Promise.allSettled(starts);
    throw error;
  }
}

/** A broker that leaves tells the controller, so the first one, which is the controller, goes last. */
async function closeAll(servers: Servers, graceMs?: number): Promise<void> {
  const [controller, ...others] = servers.kafka;
  const stopKafka = async (): Promise<void> => {
    await Promise.all(others.map((server) => server.close(graceMs)));
    await controller?.close(graceMs);
  };
  await Promise.all([stopKafka(), ...servers.clickhouse.map((server) => server.close(graceMs))]);
}

function describeStack(servers: Servers, { ports }: Settled): Stack {
  const clickhouseUrls = ports.clickhouseHttp.map((port) => `http://${LOOPBACK}:${port}`);
  return {
    ...servers,
    kafkaBrokers: ports.kafka.map((port) => `${LOOPBACK}:${port}`).join(','),
    clickhouseUrl: clickhouseUrls[0] ?? '',
    clickhouseUrls,
    pids: () => listPids([...servers.kafka, ...servers.clickhouse]),
    stop: (graceMs) => closeAll(servers, graceMs),
  };
}

function listPids(servers: readonly StackServer[]): Record<string, number> {
  const pids: Record<string, number> = {};
  for (const { name, pid, guardianPid } of servers) {
    if (pid !== null) pids[name] = pid;
    if (guardianPid !== null) pids[`${name}-guardian`] = guardianPid;
  }
  return pids;
}
