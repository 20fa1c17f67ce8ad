import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePorts } from '@meterstone/local-stack';

const ROOT = join(import.meta.dirname, '../..');
const PORTS = [
  'METERSTONE_PROXY_PORT',
  'METERSTONE_REPORTING_PORT',
  'METERSTONE_AGGREGATOR_PORT',
  'METERSTONE_KAFKA_PORT',
  'METERSTONE_KAFKA_CONTROLLER_PORT',
  'METERSTONE_CLICKHOUSE_HTTP_PORT',
  'METERSTONE_CLICKHOUSE_TCP_PORT',
  'METERSTONE_DEMO_PROVIDER_PORT',
] as const;

/** What `run.json` says. */
interface RunFacts {
  readonly proxy_url: string;
  readonly reporting_url: string;
  readonly aggregator_url: string;
  readonly kafka_brokers: string;
  readonly clickhouse_url: string;
  readonly org_id: string;
  readonly api_key: string;
  readonly report_key: string;
  readonly admin_key: string;
  readonly pids: Readonly<Record<string, number>>;
}

/** One run of `meterstone up --json`. */
export interface LocalRun {
  /** Everything said so far, one object a line. */
  said(): readonly Record<string, unknown>[];
  /** Resolves when an event of that name was said; rejects when the run ends before. */
  until(event: string, deadlineMs?: number): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** A folder and ports of its own, in which `meterstone up` is started again and again. */
export interface LocalPipeline {
  readonly ports: readonly number[];
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): LocalRun;
  /** The same through `npm start`; signals go to npm alone. */
  startWithNpm(): LocalRun;
  run(): RunFacts;
  readonly runFile: string;
  /** Every process that was started for this folder, found by what all of them inherit. */
  processes(): readonly number[];
  /** Ends whatever is left and removes the folder. */
  remove(): Promise<void>;
}

export async function openLocalPipeline(): Promise<LocalPipeline> {
  const home = mkdtempSync(join(tmpdir(), 'meterstone-up-'));
  const folder = join(home, 'state');
  shareCache(folder);
  const ports = await findFreePorts(PORTS.length);
  const environment = {
    ...withoutOurs(process.env),
    METERSTONE_FOLDER: folder,
    ...Object.fromEntries(PORTS.map((name, index) => [name, String(ports[index])])),
  };
  const runFile = join(folder, 'run.json');
  let runs = 0;
  return {
    ports,
    runFile,
    start: (args = [], env = {}) =>
      startRun([process.execPath, join(ROOT, 'packages/cli/src/main.ts'), 'up', '--json', ...args], {
        home,
        env: { ...environment, ...env },
        outputPath: join(home, `run-${runs++}.txt`),
      }),
    startWithNpm: () =>
      startRun(['npm', '--prefix', ROOT, 'start', '--', '--json'], {
        home,
        env: environment,
        outputPath: join(home, `run-${runs++}.txt`),
      }),
    run: () => JSON.parse(readFileSync(runFile, 'utf8')),
    processes: () => processesWith(`METERSTONE_FOLDER=${folder}`),
    remove: async () => {
      for (const pid of processesWith(`METERSTONE_FOLDER=${folder}`)) kill(pid, 'SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The jars that the shared stack of the tests has fetched: no second download. */
function shareCache(folder: string): void {
  const cache = join(ROOT, '.meterstone/cache');
  mkdirSync(cache, { recursive: true });
  mkdirSync(folder, { recursive: true });
  symlinkSync(cache, join(folder, 'cache'));
}

interface RunOptions {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** A file, not a pipe: a test that kills everything must not be what keeps a process waiting. */
  readonly outputPath: string;
}

const READY_DEADLINE_MS = 90_000;
const POLL_MS = 50;

function startRun(
  [command = '', ...args]: readonly string[],
  { home, env, outputPath }: RunOptions,
): LocalRun {
  const output = openSync(outputPath, 'a');
  const child = spawn(command, args, {
    cwd: home,
    env,
    // A session of its own: what is sent to the tests' terminal does not reach it.
    detached: true,
    stdio: ['ignore', output, output],
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? ''));
  });
  const said = () => readLines(outputPath);
  return {
    said,
    ended,
    signal: (name) => void child.kill(name),
    until: (event, deadlineMs = READY_DEADLINE_MS) => untilSaid({ child, said, event, deadlineMs }),
  };
}

function readLines(path: string): Record<string, unknown>[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line);
      } catch {
        return { event: 'text', line };
      }
    });
}

async function untilSaid({
  child,
  said,
  event,
  deadlineMs,
}: {
  child: ChildProcess;
  said: LocalRun['said'];
  event: string;
  deadlineMs: number;
}): Promise<void> {
  for (let waitedMs = 0; waitedMs < deadlineMs; waitedMs += POLL_MS) {
    if (said().some((line) => line['event'] === event)) return;
    if (child.exitCode !== null || child.signalCode !== null) break;
    await sleep(POLL_MS);
  }
  throw new Error(`"${event}" was not said: ${JSON.stringify(said(), null, 1)}`);
}

/** Linux only; elsewhere nothing is found. The environment of a process that has ended reads as empty. */
function processesWith(variable: string): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`\0${variable}\0`));
}

function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
  } catch {
    return '';
  }
}

/** Resident memory in bytes; 0 for a process that has ended. Linux only. */
export function residentBytes(pid: number): number {
  try {
    const [, kibibytes = '0'] =
      /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) * 1024;
  } catch {
    return 0;
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it ended in the meantime.
  }
}

function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('METERSTONE_')));
}
