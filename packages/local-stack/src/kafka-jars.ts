import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { StackError } from './errors.ts';
import { type Environment, findMaven } from './java.ts';
import { runTool } from './run-tool.ts';
import { KAFKA_VERSION } from './versions.ts';

/** Without a binding of slf4j the broker logs nothing; the version is that of the slf4j-api among Kafka's own jars. */
const SLF4J_VERSION = '1.7.36';

/** Maven may have to fetch 44 MB over a slow line. */
const FETCH_MS_MAX = 600_000;

const WORK_PREFIX = 'kafka-fetch-';

/** Where the jars go and by what they come. */
export type FetchOptions = {
  cacheFolder: string;
  env: Environment;
  clock: Clock;
  onProgress: (line: string) => void;
};

/**
 * The folder with Kafka's jars, fetched by Maven into the cache when they are not there yet.
 *
 * Refuses with `maven_missing` or `fetch_failed`. Several processes may fetch at a time: each fetches beside
 * and the first one's folder stays.
 */
export async function fetchKafkaJars(options: FetchOptions): Promise<string> {
  const { cacheFolder, env, onProgress } = options;
  const folder = join(cacheFolder, `kafka-${KAFKA_VERSION}`);
  if (existsSync(folder)) return folder;
  const maven = await findMaven(env);
  onProgress(`fetching Kafka ${KAFKA_VERSION} with Maven (44 MB, once)`);
  await mkdir(cacheFolder, { recursive: true });
  await removeAbandoned(options);
  const work = await mkdtemp(join(cacheFolder, WORK_PREFIX));
  try {
    await runMaven(maven, work, options);
    await rename(join(work, 'lib'), folder).catch((error: unknown) => {
      // Another process was first: its folder is as good.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/** The Maven project whose dependencies are Kafka's jars. */
function kafkaPom(): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>meterstone</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>${SLF4J_VERSION}</version></dependency>
  </dependencies>
</project>
`;
}

async function runMaven(maven: string, work: string, { env, clock }: FetchOptions): Promise<void> {
  const pom = join(work, 'pom.xml');
  await writeFile(pom, kafkaPom());
  const goal = [
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${join(work, 'lib')}`,
  ];
  const problem = await runTool({
    command: maven,
    args: ['-q', '-B', '-f', pom, ...goal],
    cwd: work,
    env,
    logFile: join(work, 'maven.txt'),
    clock,
    msMax: FETCH_MS_MAX,
  });
  if (problem === null) return;
  const message = `could not fetch Kafka ${KAFKA_VERSION}: ${maven} ${problem}`;
  throw new StackError('fetch_failed', message, { retryable: true });
}

/** What a killed fetch left: older than any fetch may last, so that nobody's running one is touched. */
async function removeAbandoned({ cacheFolder, clock }: FetchOptions): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith(WORK_PREFIX)) continue;
    const path = join(cacheFolder, name);
    const { mtimeMs } = await stat(path);
    if (mtimeMs < clock.now() - FETCH_MS_MAX) await rm(path, { recursive: true, force: true });
  }
}
