import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { StackError } from './errors.ts';
import type { Environment } from './java.ts';
import { askMetadata } from './kafka-metadata.ts';
import { type KafkaNode, kafkaProperties } from './kafka-properties.ts';
import { LOOPBACK } from './ports.ts';
import { runTool } from './run-tool.ts';
import type { ServerPlan } from './stack-server.ts';

/** What a broker of the local cluster is made from. */
export type KafkaBrokerOptions = Omit<KafkaNode, 'logFolder'> & {
  java: string;
  jarsFolder: string;
  /** Flags of its JVM: heap, collector, compiler. */
  jvm: readonly string[];
  logLevel: 'error' | 'warn' | 'info' | 'debug';
  dataFolder: string;
  logFolder: string;
  pidFolder: string;
  env: Environment;
  clock: Clock;
};

/** Every local cluster has the same id: nothing tells two of them apart by it. */
const CLUSTER_ID = 'TWV0ZXJzdG9uZUxvY2FsMQ';
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;
const ASK_MS_MAX = 2_000;

/** Flags that suit a laptop: about 200 MB resident; a load test wants more heap and the optimising compiler. */
export function laptopJvm(heapMegabytesMax: number): string[] {
  return ['-Xms64m', `-Xmx${heapMegabytesMax}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
}

/** Writes the broker's properties, formats its data folder once and says how to run it. */
export async function prepareKafkaBroker(options: KafkaBrokerOptions): Promise<ServerPlan> {
  const name = `kafka-${options.id}`;
  const folder = join(options.dataFolder, name);
  const logFolder = join(folder, 'log');
  const properties = join(folder, 'node.properties');
  await mkdir(folder, { recursive: true });
  await writeFile(properties, kafkaProperties({ ...options, logFolder }));
  if (!existsSync(join(logFolder, 'meta.properties'))) await format(options, properties);
  return {
    name,
    pidFolder: options.pidFolder,
    logFile: join(options.logFolder, `${name}.log`),
    command: options.java,
    args: [
      ...options.jvm,
      ...loggerFlags(options.logLevel),
      '-cp',
      classPath(options),
      'kafka.Kafka',
      properties,
    ],
    env: options.env,
    cwd: folder,
    startMsMax: START_MS_MAX,
    stopMsMax: STOP_MS_MAX,
    ask: () => askWhetherJoined(options),
  };
}

/** A broker is up when it knows itself as a living member: before that, it answers but leads nothing. */
async function askWhetherJoined({ port, id }: KafkaBrokerOptions): Promise<void> {
  const { brokerIds } = await askMetadata({ host: LOOPBACK, port, timeoutMs: ASK_MS_MAX });
  if (!brokerIds.includes(id))
    throw new Error(`broker ${id} is not yet among the brokers ${brokerIds.join(', ')}`);
}

async function format(options: KafkaBrokerOptions, properties: string): Promise<void> {
  const role = options.id === 1 ? '--standalone' : '--no-initial-controllers';
  const tool = ['kafka.tools.StorageTool', 'format', role, '-t', CLUSTER_ID, '-c', properties];
  const problem = await runTool({
    command: options.java,
    args: ['-Xmx64m', '-XX:TieredStopAtLevel=1', ...loggerFlags('warn'), '-cp', classPath(options), ...tool],
    env: options.env,
    logFile: join(options.logFolder, `kafka-${options.id}.log`),
    clock: options.clock,
    msMax: START_MS_MAX,
  });
  if (problem === null) return;
  const message = `Kafka's storage tool could not format the data folder of broker ${options.id}: it ${problem}`;
  throw new StackError('format_failed', message, { retryable: false });
}

function classPath(options: KafkaBrokerOptions): string {
  return join(options.jarsFolder, '*');
}

function loggerFlags(level: string): string[] {
  const prefix = '-Dorg.slf4j.simpleLogger';
  return [
    `${prefix}.defaultLogLevel=${level}`,
    `${prefix}.showDateTime=true`,
    `${prefix}.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ`,
    `${prefix}.showThreadName=false`,
  ];
}
