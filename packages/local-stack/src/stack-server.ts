import { askUntil, type Clock } from './clock.ts';
import { StackError } from './errors.ts';
import {
  type ChildExit,
  describeExit,
  type GuardedCommand,
  type GuardedProcess,
  spawnGuarded,
} from './guard.ts';
import { noteProcess } from './leftovers.ts';
import { logSize, logTail } from './log-tail.ts';

/** How to run one server of the stack and how to tell that it answers. */
export type ServerPlan = GuardedCommand & {
  name: string;
  pidFolder: string;
  /** Puts the data folder in order before each start. */
  beforeStart?(): Promise<void>;
  /** Resolves when the server answers a real request. */
  ask(): Promise<unknown>;
  startMsMax: number;
  stopMsMax: number;
};

/** What is told when a server ended that nobody had stopped or killed through this package. */
export type ServerExit = ChildExit & { name: string; logTail: string };

const ASK_PAUSE_MS = 100;

/** One server of the stack through its lives: started, killed, started again on the same data, stopped. */
export class StackServer {
  readonly name: string;
  readonly logFile: string;
  readonly #plan: ServerPlan;
  readonly #clock: Clock;
  readonly #onExit: (exit: ServerExit) => void;
  #process: GuardedProcess | null = null;
  #expected = false;
  #closed = false;

  constructor(plan: ServerPlan, clock: Clock, onExit: (exit: ServerExit) => void) {
    this.name = plan.name;
    this.logFile = plan.logFile;
    this.#plan = plan;
    this.#clock = clock;
    this.#onExit = onExit;
  }

  /** Process id; null while the server does not run. */
  get pid(): number | null {
    return this.#process?.exited === null ? this.#process.pid : null;
  }

  /** Process id of the guardian that ends the server when this process dies; null while the server does not run. */
  get guardianPid(): number | null {
    return this.#process?.exited === null ? this.#process.guardianPid : null;
  }

  /** Starts the server and resolves when it answers; `start_failed` with the log's tail otherwise, or after `close`. */
  async start(): Promise<void> {
    if (this.pid !== null) return;
    const { logFile, name, startMsMax } = this.#plan;
    await this.#plan.beforeStart?.();
    if (this.#closed)
      throw new StackError('start_failed', `${name} was stopped for good`, { retryable: false });
    const logStart = logSize(logFile);
    const child = this.#spawn();
    const problem = await askUntil(this.#plan.ask, {
      clock: this.#clock,
      deadline: this.#clock.now() + startMsMax,
      pauseMs: ASK_PAUSE_MS,
      gaveUp: () => child.exited !== null,
    });
    if (problem === null) {
      this.#expected = false;
      return;
    }
    const ended = child.exited;
    await child.stop(0);
    const what = ended === null ? `did not answer within ${startMsMax} ms` : describeExit(ended);
    const message = `${name} ${what}; ${logTail(logFile, logStart)}`;
    throw new StackError('start_failed', message, { retryable: true, cause: problem });
  }

  /** Sends the signal (the end is then not told through `onServerExit`) and, for SIGKILL, waits for the end; the data folder stays as the signal left it. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#expected = true;
    this.#process?.kill(signal);
    if (signal === 'SIGKILL') await this.#process?.exit;
  }

  /** Starts the server again on the same data and ports, after it was stopped, killed or ended by itself; stops it first if it runs. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Stops the server in peace, by force after the grace (absent: what this server usually needs); 0 kills at once. */
  async stop(graceMs: number = this.#plan.stopMsMax): Promise<void> {
    this.#expected = true;
    await this.#process?.stop(graceMs);
  }

  /** Stops the server for good: a start that somebody has under way, or tries later, fails. */
  async close(graceMs?: number): Promise<void> {
    this.#closed = true;
    await this.stop(graceMs);
  }

  #spawn(): GuardedProcess {
    const { name, pidFolder, command, args, logFile } = this.#plan;
    this.#expected = true;
    const child = spawnGuarded(this.#plan, this.#clock);
    this.#process = child;
    noteProcess(pidFolder, { name, command, args, process: child });
    void child.exit.then((exit) => {
      if (!this.#expected) this.#onExit({ ...exit, name, logTail: logTail(logFile) });
    });
    return child;
  }
}
