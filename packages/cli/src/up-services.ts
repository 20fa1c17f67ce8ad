import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SettingsOf } from '@meterstone/control';
import { SCENARIO } from '@meterstone/demo';
import { type Stack, type Supervised, supervise } from '@meterstone/local-stack';
import { type ReportDoor, readReport } from './four-questions.ts';
import type { LocalFiles } from './local-files.ts';
import type { UpFolder } from './up-folder.ts';

/** All that is known before the services start. */
export interface UpContext {
  readonly settings: SettingsOf<'cli'>;
  readonly folder: UpFolder;
  readonly files: LocalFiles;
  readonly stack: Stack;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
}

/** The services that run. */
export interface Services {
  /** Name → process id of each process, guardians included. */
  pids(): Record<string, number>;
  /** Resolves when the demo's scenario stands in the report, whole. */
  scenarioReported(door: ReportDoor): Promise<void>;
  /** First who makes work, last who does it. */
  stop(): Promise<void>;
}

const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');
const READY_DEADLINE_MS = 60_000;
const REPORT_DEADLINE_MS = 60_000;
const POLL_MS = 100;
const RESTART = { attemptsMax: 1000, delayMs: 500 };
/** Light traffic: a call every so often. */
const TRAFFIC_PAUSE_MS = 1_000;

/** Starts the three services and, where asked, the demo; resolves when each says that it does its work. */
export async function startServices(context: UpContext, demo: boolean): Promise<Services> {
  const { settings, say } = context;
  const running = new Map<string, Supervised>();
  const start = (name: string, path: string, args: readonly string[] = []) => {
    running.set(name, superviseNode(context, name, [join(PROJECT_ROOT, path), ...args]));
  };
  const stop = async () => {
    for (const name of ['demo', 'proxy', 'aggregator', 'reporting']) await running.get(name)?.stop();
  };
  for (const name of ['aggregator', 'reporting', 'proxy']) {
    say(`starting ${name}`);
    start(name, `services/${name}/src/main.ts`);
  }
  try {
    await Promise.all([
      waitUntilReady(context, running, { name: 'aggregator', port: settings.aggregatorPort }),
      waitUntilReady(context, running, { name: 'reporting', port: settings.reportingPort }),
      waitUntilReady(context, running, { name: 'proxy', port: settings.proxyPort }),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  if (demo) start('demo', 'packages/demo/src/main.ts', [demoSettingsFile(context)]);
  return {
    pids: () => pidsOf(running),
    scenarioReported: (door) => scenarioReported(door),
    stop,
  };
}

function superviseNode(context: UpContext, name: string, args: readonly string[]): Supervised {
  const { settings, files, folder, stack, env } = context;
  return supervise({
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
    restart: RESTART,
  });
}

function demoSettingsFile({ settings, files, folder }: UpContext): string {
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

async function waitUntilReady(
  { folder }: UpContext,
  running: ReadonlyMap<string, Supervised>,
  { name, port }: { name: string; port: number },
): Promise<void> {
  let last = 'it does not answer';
  for (let waitedMs = 0; waitedMs < READY_DEADLINE_MS; waitedMs += POLL_MS) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (answer !== null) last = await answer.text();
    await sleep(POLL_MS);
  }
  const state = running.get(name)?.pid === null ? 'it ended again and again' : last;
  throw new Error(
    `${name} was not ready within ${READY_DEADLINE_MS / 1000} s: ${state}; see ${folder.log}/${name}.log`,
  );
}

/** The scenario's calls all have a place in the report; light traffic may already have added to them. */
async function scenarioReported(door: ReportDoor): Promise<void> {
  let seen = 0;
  for (let waitedMs = 0; waitedMs < REPORT_DEADLINE_MS; waitedMs += POLL_MS) {
    const rows = await readReport(door, 'provider').catch(() => []);
    seen = rows.reduce((sum, row) => sum + Number(row['attempts']), 0);
    if (seen >= SCENARIO.length) return;
    await sleep(POLL_MS);
  }
  throw new Error(`the report shows ${seen} of the demo's ${SCENARIO.length} calls`);
}

function pidsOf(running: ReadonlyMap<string, Supervised>): Record<string, number> {
  const pids: Record<string, number> = {};
  for (const [name, child] of running) {
    if (child.pid !== null) pids[name] = child.pid;
    if (child.guardianPid !== null) pids[`${name}-guardian`] = child.guardianPid;
  }
  return pids;
}
