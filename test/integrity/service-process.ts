import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Supervised, supervise } from '@meterstone/local-stack';

/** A service of the pipeline through its lives: started, killed, paused, started again on the same port. */
export interface ServiceProcess {
  readonly name: string;
  readonly url: string;
  /** Resolves when it runs, which is before it is ready. Does nothing while it runs. */
  start(): void;
  /** Ends it at once, as `kill -9` does; may be called in the middle of anything. */
  kill(): void;
  /** SIGSTOP and SIGCONT: it neither works nor dies. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Lets its clock jump, to so far from the real one; a new start has the real one again. It must be ready. */
  jumpClock(shiftMs: number): void;
  /** Lets it end in peace. */
  stop(): Promise<void>;
  /** Resolves when no process is left of it. */
  gone(): Promise<void>;
  readonly isRunning: boolean;
  /** Waits until it says that it does its work; false = not within the time. */
  ready(deadlineMs: number): Promise<boolean>;
}

export interface ServiceOptions {
  /** Unique among all: also the name of its log. */
  readonly name: string;
  readonly service: 'proxy' | 'aggregator';
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly logFolder: string;
}

const ROOT = join(import.meta.dirname, '../..');
const CLOCK_MODULE = pathToFileURL(join(import.meta.dirname, 'shift-clock.ts')).href;
const STOP_MS_MAX = 20_000;
const POLL_MS = 50;

/** A service that is not running yet. */
export function createServiceProcess(options: ServiceOptions): ServiceProcess {
  const { name, service, port, env, logFolder } = options;
  const url = `http://127.0.0.1:${port}`;
  const clockFile = join(logFolder, `${name}.clock`);
  let child: Supervised | null = null;
  return {
    name,
    url,
    get isRunning() {
      return child !== null && child.pid !== null;
    },
    start() {
      if (child !== null && child.pid !== null) return;
      child = supervise({
        name,
        command: process.execPath,
        args: ['--import', CLOCK_MODULE, join(ROOT, 'services', service, 'src/main.ts')],
        env: { ...env, INTEGRITY_CLOCK_FILE: clockFile },
        cwd: logFolder,
        logFile: join(logFolder, `${name}.log`),
      });
    },
    kill() {
      child?.kill('SIGKILL');
    },
    signal(signal) {
      child?.kill(signal);
    },
    jumpClock(shiftMs) {
      writeFileSync(clockFile, String(shiftMs));
      child?.kill('SIGUSR2');
    },
    async stop() {
      // A paused process hears nothing but SIGKILL.
      child?.kill('SIGCONT');
      await child?.stop(STOP_MS_MAX);
    },
    async gone() {
      await child?.exit;
    },
    async ready(deadlineMs) {
      for (const deadline = Date.now() + deadlineMs; Date.now() < deadline; await sleep(POLL_MS)) {
        const isReady = await fetch(`${url}/readyz`).then(
          (response) => response.ok,
          () => false,
        );
        if (isReady) return true;
      }
      return false;
    },
  };
}
