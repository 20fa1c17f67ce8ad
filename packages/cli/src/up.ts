import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO_ORG_ID } from '@meterstone/demo';
import { clearLeftovers } from '@meterstone/local-stack';
import type { Announce } from './announce.ts';
import { listDoors } from './doors.ts';
import { countAttempts, waitForCaughtUp, waitForScenario } from './first-report.ts';
import { askFourQuestions, type ReportDoor } from './four-questions.ts';
import { type LocalFiles, prepareLocalFiles } from './local-files.ts';
import { areGuarded, keepRunFile, type Pids, type RunFile, removeRunFile, runFilePath } from './run-file.ts';
import { openUpFolder } from './up-folder.ts';
import { type Services, type ServicesContext, startServices } from './up-services.ts';
import { type Environment, readUpSettings, type UpSettings } from './up-settings.ts';
import { requireUpPorts, startUpStack } from './up-stack.ts';

export interface UpOptions {
  readonly fresh: boolean;
  readonly demo: boolean;
  readonly env: Environment;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly announce: Announce;
  /** Aborted when everything is to stop, also in the middle of the start. */
  readonly signal: AbortSignal;
}

/** A pipeline that is up. */
export interface Up {
  /** Stops everything in its order; no process is left. */
  stop(): Promise<void>;
}

/**
 * Brings up the whole pipeline on this machine: Kafka, ClickHouse, the three services and, unless told not to,
 * the demo. Resolves when it answers; rejects, everything stopped, when it cannot or `signal` is aborted.
 */
export async function up(options: UpOptions): Promise<Up> {
  const { env, now, announce, signal } = options;
  const say = announce.progress;
  const startedAt = now();
  const { settings, own } = await readUpSettings(env);
  const root = resolve(settings.folder);
  await clearLeftovers({ folder: root, onProgress: say });
  removeRunFile(root);
  await requireUpPorts(settings, options.demo);
  const folder = openUpFolder(root, options.fresh);
  const files = await prepareLocalFiles({ folder, settings, own, env, demo: options.demo });
  if (options.demo && !files.demoProviders)
    say(`the demo is left out: ${own.join(', ')} has its own providers`);
  signal.throwIfAborted();
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.toReversed()) await close();
  };
  try {
    const stack = await startUpStack({ settings, root, env, say, signal });
    closers.push(() => stack.stop());
    signal.throwIfAborted();
    const context: ServicesContext = { settings, folder, files, stack, env, say, now, signal };
    const services = await startServices(context);
    closers.push(services.stop);
    const pids = () => ({ parent: process.pid, ...stack.pids(), ...services.pids() });
    const door = () => reportDoor(settings, files, { from: startedAt, to: now() });
    const demo = files.demoProviders ? await startDemo(context, services, door) : null;
    const runFile = await openRunFile(context, pids);
    closers.push(async () => runFile.close());
    say(`everything is up after ${((now() - startedAt) / 1000).toFixed(1)} s`);
    if (demo !== null) {
      say(`the demo's customers (${Object.keys(files.keys.demo).length} keys) are calling through the proxy`);
      await demo.reported();
      announce.report(await askFourQuestions(door()));
    }
    const places = { runFile: runFilePath(root), log: folder.log };
    announce.doors(listDoors({ settings, keys: files.keys, report: door() }), places);
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const GUARDIANS_MS_MAX = 1_000;
const POLL_MS = 10;

async function openRunFile(
  { settings, files, folder, stack }: ServicesContext,
  pids: () => Pids,
): Promise<RunFile> {
  for (let waitedMs = 0; waitedMs < GUARDIANS_MS_MAX && !areGuarded(pids()); waitedMs += POLL_MS)
    await sleep(POLL_MS);
  return keepRunFile({
    folder: folder.root,
    pids,
    facts: {
      proxy_url: `http://127.0.0.1:${settings.proxyPort}`,
      reporting_url: `http://127.0.0.1:${settings.reportingPort}`,
      aggregator_url: `http://127.0.0.1:${settings.aggregatorPort}`,
      kafka_brokers: stack.kafkaBrokers,
      clickhouse_url: stack.clickhouseUrl,
      org_id: DEMO_ORG_ID,
      api_key: files.keys.apiKey,
      report_key: files.keys.reportKey,
      admin_key: files.keys.adminKey,
    },
  });
}

/** Resolves when the demo's process runs; `reported` when the calls of its scenario stand in the report. */
async function startDemo(
  { settings, signal }: ServicesContext,
  services: Services,
  door: () => ReportDoor,
): Promise<{ reported(): Promise<void> }> {
  const metricsUrl = `http://127.0.0.1:${settings.aggregatorPort}/metrics`;
  await waitForCaughtUp(metricsUrl, settings.kafkaPartitions, signal);
  const before = await countAttempts(door());
  const demo = services.startDemo();
  return { reported: () => demo.whileItRuns(waitForScenario(door, before, signal)) };
}

function reportDoor(
  settings: UpSettings['settings'],
  files: LocalFiles,
  { from, to }: { from: number; to: number },
): ReportDoor {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return {
    reportingUrl: `http://127.0.0.1:${settings.reportingPort}`,
    reportKey: files.keys.reportKey,
    startDate: day(from),
    endDate: day(to),
  };
}
