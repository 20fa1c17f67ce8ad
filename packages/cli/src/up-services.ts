import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, supervise } from '@meterstone/local-stack';
import { describeEnd, type KeptProcess, startKeptProcess } from './kept-process.ts';
import type { LocalFiles } from './local-files.ts';
import { logSize, readFault } from './log-fault.ts';
import type { Pids } from './run-file.ts';
import type { UpFolder } from './up-folder.ts';
import type { Environment, UpSettings } from './up-settings.ts';

/** All that is known before the services start. */
export interface ServicesContext {
  readonly settings: UpSettings['settings'];
  readonly folder: UpFolder;
  readonly files: LocalFiles;
  readonly stack: Stack;
  readonly env: Environment;
  readonly say: (line: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Aborted when everything is to stop. */
  readonly signal: AbortSignal;
}

/** The services that run. */
export interface Services {
  /** Every process, guardians included. */
  pids(): Pids;
  /** Starts what calls through the proxy. */
  startDemo(): Demo;
  /** First who makes work, last who does it. */
  stop(): Promise<void>;
}

/** The demo's process: provider and customers. */
interface Demo {
  /** Waits for what the demo's first calls lead to; rejects at once when the demo ends before that. */
  whileItRuns(done: Promise<void>): Promise<void>;
}

const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');
const READY_DEADLINE_MS = 60_000;
const POLL_MS = 100;
/** Longer than the services themselves take at most to end what they have in hand. */
const STOP_GRACE_MS = 50_000;
/** Light traffic: a call every so often. */
const TRAFFIC_PAUSE_MS = 1_000;

/**
 * Starts the three services; resolves when each says that it does its work. A service that ends before that is
 * an error at once, with its own words; later it is started again.
 */
export async function startServices(context: ServicesContext): Promise<Services> {
  const { settings, say, folder } = context;
  const running: KeptProcess[] = [];
  const start = (name: string, path: string, args: readonly string[] = []): KeptProcess => {
    const kept = startNode(context, name, [join(PROJECT_ROOT, path), ...args]);
    running.unshift(kept);
    return kept;
  };
  const stop = async () => {
    for (const kept of running) await kept.stop(STOP_GRACE_MS);
  };
  const bringUp = async (name: string, port: number): Promise<void> => {
    say(`starting ${name}`);
    const logStart = logSize(join(folder.log, `${name}.log`));
    const kept = start(name, `services/${name}/src/main.ts`);
    await orEnd(context, { kept, logStart }, waitUntilReady(context, name, port));
    kept.keep();
  };
  const starts = [
    bringUp('reporting', settings.reportingPort),
    bringUp('aggregator', settings.aggregatorPort),
    bringUp('proxy', settings.proxyPort),
  ];
  try {
    await Promise.all(starts);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pids: () => Object.assign({}, ...running.map((kept) => kept.pids())),
    stop,
    startDemo: () => {
      const logStart = logSize(join(folder.log, 'demo.log'));
      const kept = start('demo', 'packages/demo/src/main.ts', [demoSettingsFile(context)]);
      return {
        whileItRuns: async (done) => {
          await orEnd(context, { kept, logStart }, done);
          kept.keep();
        },
      };
    },
  };
}

function startNode(context: ServicesContext, name: string, args: readonly string[]): KeptProcess {
  const { settings, files, folder, stack, env, say } = context;
  const start = () =>
    supervise({
      name,
      folder: folder.root,
      command: process.execPath,
      args: [...args],
      cwd: process.cwd(),
      env: {
        ...env,
        METERSTONE_CONFIG: files.configPaths.join(','),
        METERSTONE_FOLDER: folder.root,
        METERSTONE_KAFKA_BROKERS: stack.kafkaBrokers,
        METERSTONE_CLICKHOUSE_URL: stack.clickhouseUrl,
        METERSTONE_CLICKHOUSE_USER: name === 'reporting' ? 'report' : 'ingest',
        METERSTONE_CLICKHOUSE_PASSWORD: name === 'reporting' ? 'report' : 'ingest',
        METERSTONE_USER_KEY_SECRET: files.userKeySecret,
        METERSTONE_INSTANCE: env['METERSTONE_INSTANCE'] ?? `${name}-1`,
        METERSTONE_CLICKHOUSE_DATABASE: settings.clickhouseDatabase,
      },
      logFile: join(folder.log, `${name}.log`),
    });
  const onEnd = (how: string) => say(`${name} ended (${how}); starting it again`);
  return startKeptProcess({ name, start, onEnd, now: context.now });
}

function demoSettingsFile({ settings, files, folder }: ServicesContext): string {
  const path = join(folder.data, 'demo-settings.json');
  const demoSettings = {
    host: '127.0.0.1',
    port: settings.demoProviderPort,
    proxyUrl: `http://127.0.0.1:${settings.proxyPort}`,
    keys: files.keys.demo,
    pauseMs: TRAFFIC_PAUSE_MS,
  };
  writeFileSync(path, JSON.stringify(demoSettings), { mode: 0o600 });
  return path;
}

/** Rejects when the process ends before `done` resolves: whatever ends at its start will end again. */
async function orEnd(
  { folder, signal }: ServicesContext,
  { kept, logStart }: { kept: KeptProcess; logStart: number },
  done: Promise<void>,
): Promise<void> {
  const ended = kept.firstEnd.then((exit) => {
    signal.throwIfAborted();
    const fault = readFault(join(folder.log, `${kept.name}.log`), logStart);
    throw new Error(`${kept.name} ended right after its start (${describeEnd(exit)}): ${fault}`);
  });
  await Promise.race([done, ended]);
}

async function waitUntilReady(
  { folder, signal }: ServicesContext,
  name: string,
  port: number,
): Promise<void> {
  let last = 'it does not answer';
  for (let waitedMs = 0; waitedMs < READY_DEADLINE_MS; waitedMs += POLL_MS) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal }).catch(() => null);
    if (answer?.ok) return;
    if (answer !== null) last = await answer.text();
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new Error(
    `${name} was not ready within ${READY_DEADLINE_MS / 1000} s: ${last}; see ${folder.log}/${name}.log`,
  );
}
