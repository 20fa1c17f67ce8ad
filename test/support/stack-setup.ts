import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startStack } from '@meterstone/local-stack';
import type { TestProject } from 'vitest/node';
import { startDockerStack } from './docker-stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Comma-separated `host:port` of the Kafka that this run's tests share. */
    kafkaBrokers: string;
    /** HTTP address of the ClickHouse that this run's tests share; user `default`, no password. */
    clickhouseUrl: string;
  }
}

/** The Kafka and the ClickHouse of one test run, whichever way they came to be. */
export type TestStack = { kafkaBrokers: string; clickhouseUrl: string; stop(): Promise<void> };

type Shared = { stack: Promise<TestStack>; users: number };

const SHARED = Symbol.for('meterstone.test-stack');
const CACHE_FOLDER = fileURLToPath(new URL('../../.meterstone/cache', import.meta.url));

/** Twice what one installation needs: two files at a time, with some forty databases beside them. */
const CLICKHOUSE_MEGABYTES = 2_048;

/** Gives the projects of one vitest process one stack: the first starts it, the last stops it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Each project loads this file anew, so what they share hangs on the process, not on the module.
  const holder = globalThis as { [SHARED]?: Shared };
  const shared = holder[SHARED] ?? { stack: openStack(), users: 0 };
  holder[SHARED] = shared;
  shared.users += 1;
  const { kafkaBrokers, clickhouseUrl, stop } = await shared.stack;
  project.provide('kafkaBrokers', kafkaBrokers);
  project.provide('clickhouseUrl', clickhouseUrl);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete holder[SHARED];
    await stop();
  };
}

/**
 * Three ways to Kafka and ClickHouse: existing ones named by METERSTONE_KAFKA_BROKERS and
 * METERSTONE_CLICKHOUSE_URL, containers with METERSTONE_TEST_STACK=docker, else the local stack.
 */
async function openStack(): Promise<TestStack> {
  const kafkaBrokers = process.env['METERSTONE_KAFKA_BROKERS'];
  const clickhouseUrl = process.env['METERSTONE_CLICKHOUSE_URL'];
  if (kafkaBrokers !== undefined && clickhouseUrl !== undefined) {
    return { kafkaBrokers, clickhouseUrl, stop: async () => {} };
  }
  if (kafkaBrokers !== undefined || clickhouseUrl !== undefined) {
    throw new Error(
      'give both METERSTONE_KAFKA_BROKERS and METERSTONE_CLICKHOUSE_URL to the tests, or neither',
    );
  }
  const way = process.env['METERSTONE_TEST_STACK'] ?? 'embedded';
  if (way === 'docker') return startDockerStack();
  if (way === 'embedded') return startEmbeddedStack();
  throw new Error(`METERSTONE_TEST_STACK is ${way}; it can be embedded or docker`);
}

async function startEmbeddedStack(): Promise<TestStack> {
  const folder = await mkdtemp(join(tmpdir(), 'meterstone-test-'));
  const stack = await startStack({
    folder,
    cacheFolder: CACHE_FOLDER,
    env: process.env,
    memory: { clickhouseMegabytesMax: CLICKHOUSE_MEGABYTES },
    onProgress: (line) => process.stderr.write(`stack: ${line}\n`),
    onServerExit: ({ name, logTail }) => process.stderr.write(`stack: ${name} ended; ${logTail}\n`),
  });
  return {
    kafkaBrokers: stack.kafkaBrokers,
    clickhouseUrl: stack.clickhouseUrl,
    stop: async () => {
      await stack.stop(0);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
