import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { backOffMs, type Logger, type MetricsSnapshot, type Readiness } from '@meterstone/runtime';
import { STATUS_PERIOD_MS } from './worker-link.ts';
import { isWorkerMessage } from './worker-message.ts';

export interface WorkerSeatOptions {
  /** From 1: the worker's name among its siblings, and its successor's. */
  readonly number: number;
  readonly fork: (number: number) => Worker;
  /** Told with what the worker knew when it was last asked; `null` = it never was. */
  readonly onDied: (last: MetricsSnapshot | null) => void;
  /** A worker ended before any worker of this seat was ready: another one would as well. */
  readonly onHopeless: (reason: string) => void;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
}

/** Dead workers are replaced after this, and ever later while they do not become ready. */
const RESTART = { delayMs: 200, delayMsMax: 10_000 };
/** A worker that says nothing for so long stands still. */
const SILENCE_MS_MAX = 10 * STATUS_PERIOD_MS;
/** A worker that does not tell its metrics within this is left out. */
const METRICS_MS_MAX = 2_000;

/** A place in the cluster and the worker in it. When it dies, another one takes the place. */
export class WorkerSeat {
  readonly #options: WorkerSeatOptions;
  #worker: Worker | null = null;
  #status: Readiness | null = null;
  #heardAt = 0;
  #wasReady = false;
  #isStopping = false;
  #deathsInRow = 0;
  #restart: NodeJS.Timeout | null = null;
  #nextId = 0;
  readonly #questions = new Map<number, (snapshot: MetricsSnapshot) => void>();
  #last: MetricsSnapshot | null = null;

  constructor(options: WorkerSeatOptions) {
    this.#options = options;
    this.#start();
  }

  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** Of the worker, as it last said. One that is not there, or says nothing, is not ready. */
  get readiness(): Readiness {
    const { number, now } = this.#options;
    const notReady = (what: string) => ({ ready: false, reasons: [`worker ${number} ${what}`] });
    if (this.#worker === null) return notReady('has died and is started again');
    if (this.#status === null) return notReady('is starting');
    if (now() - this.#heardAt > SILENCE_MS_MAX) return notReady('stands still');
    const { ready, reasons } = this.#status;
    return { ready, reasons: reasons.map((reason) => `worker ${number}: ${reason}`) };
  }

  /** `null`: there is no worker that answers. */
  async readMetrics(): Promise<MetricsSnapshot | null> {
    const worker = this.#worker;
    if (worker === null || this.#status === null || !worker.isConnected()) return null;
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<MetricsSnapshot | null>();
    const timer = setTimeout(() => resolve(null), METRICS_MS_MAX);
    this.#questions.set(id, resolve);
    worker.send({ type: 'metrics', id }, () => undefined);
    const snapshot = await promise;
    clearTimeout(timer);
    this.#questions.delete(id);
    this.#last = snapshot ?? this.#last;
    return snapshot;
  }

  /** Asks the worker to end and waits until it has; 0 = it ended in peace, or there was none. */
  async stop(): Promise<number> {
    this.#isStopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker === null) return 0;
    const ended = once(worker, 'exit');
    worker.process.kill('SIGTERM');
    const [code] = await ended;
    return typeof code === 'number' ? code : 1;
  }

  #start(): void {
    const { number, fork, logger } = this.#options;
    const worker = fork(number);
    this.#worker = worker;
    this.#status = null;
    this.#last = null;
    worker.on('message', (message: unknown) => this.#onMessage(message));
    // What cannot be sent to a worker that is just dying shows in its exit.
    worker.on('error', (error: Error) =>
      logger.warn({ err: error, worker: number }, 'worker cannot be told'),
    );
    worker.on('exit', (code: number | null, signal: string | null) => this.#onExit(code, signal));
  }

  #onMessage(message: unknown): void {
    if (!isWorkerMessage(message)) return;
    if (message.type === 'metrics') {
      this.#questions.get(message.id)?.(message.snapshot);
      return;
    }
    this.#status = message;
    this.#heardAt = this.#options.now();
    if (message.ready) {
      this.#wasReady = true;
      this.#deathsInRow = 0;
    }
  }

  #onExit(code: number | null, signal: string | null): void {
    const { number, logger, random, onDied, onHopeless } = this.#options;
    this.#worker = null;
    onDied(this.#last);
    if (this.#isStopping) return;
    this.#deathsInRow += 1;
    const how = signal ?? `exit status ${code}`;
    if (!this.#wasReady) {
      onHopeless(`worker ${number} could not start (${how})`);
      return;
    }
    const waitMs = backOffMs(this.#deathsInRow, { ...RESTART, random });
    logger.error({ worker: number, how, waitMs }, 'worker died, starting another one');
    this.#restart = setTimeout(() => this.#start(), waitMs);
  }
}
