import cluster, { type Worker } from 'node:cluster';
import {
  countsOf,
  createRegistry,
  installShutdown,
  type Logger,
  type MetricsSnapshot,
  mergeSnapshots,
  metricsText,
  type Readiness,
  readSnapshot,
  registerDoors,
  registerReadings,
} from '@meterstone/runtime';
import fastify from 'fastify';
import { WorkerSeat } from './worker-seat.ts';

export interface PrimaryOptions {
  /** 2 or more. */
  readonly workers: number;
  /** Workers are called by it and their number. */
  readonly instance: string;
  readonly host: string;
  /** Of the doors of the primary; requests go to the workers' own port. */
  readonly doorsPort: number;
  /** Longer than a worker takes at most to end what it has in hand. */
  readonly shutdownMsMax: number;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
}

/**
 * Runs the proxy as several processes that share its port. The primary serves no request: it starts the workers and
 * their successors, ends them, and tells at doors of its own how they are together. Each worker has a journal of its
 * own; what a dead one left is replayed by its successor or a sibling. A primary that is killed takes its workers along.
 */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const { workers, instance, logger, now, random } = options;
  const registry = createRegistry({ service: 'proxy' });
  let gone: MetricsSnapshot = [];
  let deaths = 0;
  let burying: Promise<unknown> = Promise.resolve();
  const bury = (last: MetricsSnapshot | null) => {
    deaths += 1;
    // One after the other, or one of two that die together would be left out.
    burying = burying.then(async () => {
      gone = await mergeSnapshots([gone, countsOf(last ?? [])]);
    });
  };
  const doors = fastify({ logger: false });
  let seats: readonly WorkerSeat[] = [];
  const stop = installShutdown({
    logger,
    timeoutMs: options.shutdownMsMax,
    steps: [
      { name: 'workers', run: () => stopAll(seats) },
      { name: 'doors', run: () => doors.close() },
    ],
  });
  const onHopeless = (reason: string) => {
    logger.fatal({ reason }, 'proxy could not start');
    stop(reason, 1).catch((error: unknown) => logger.fatal({ err: error }, 'shutdown broke'));
  };
  const seatOf = (number: number) =>
    new WorkerSeat({
      number,
      fork: () => forkWorker(instance, number),
      onDied: bury,
      onHopeless,
      logger,
      now,
      random,
    });
  registerReadings(registry, [
    {
      name: 'meterstone_proxy_workers',
      help: 'Worker processes that run',
      kind: 'gauge',
      read: () => seats.filter(({ isRunning }) => isRunning).length,
    },
    {
      name: 'meterstone_proxy_worker_deaths_total',
      help: 'Worker processes that ended, those that were asked to included',
      kind: 'counter',
      read: () => deaths,
    },
  ]);
  registerDoors(doors, {
    registry: {
      contentType: registry.contentType,
      metrics: async () => {
        const living = await Promise.all(seats.map((seat) => seat.readMetrics()));
        await burying;
        return metricsText([await readSnapshot(registry), gone, ...living.filter((one) => one !== null)]);
      },
    },
    readiness: () => readinessOf(seats),
  });
  // Before any worker: where the port is taken, nothing was begun.
  const url = await doors.listen({ host: options.host, port: options.doorsPort });
  seats = Array.from({ length: workers }, (_, index) => seatOf(index + 1));
  logger.info({ url, workers }, 'proxy runs as a cluster, its doors listen');
}

function forkWorker(instance: string, number: number): Worker {
  return cluster.fork({ METERSTONE_INSTANCE: `${instance}-${number}` });
}

function readinessOf(seats: readonly WorkerSeat[]): Readiness {
  const all = seats.map((seat) => seat.readiness);
  return {
    ready: all.length > 0 && all.every(({ ready }) => ready),
    reasons: all.flatMap(({ reasons }) => reasons),
  };
}

async function stopAll(seats: readonly WorkerSeat[]): Promise<void> {
  const codes = await Promise.all(seats.map((seat) => seat.stop()));
  const failed = codes.filter((code) => code !== 0).length;
  // As with one process, the exit status says that somebody has to start a proxy on this folder.
  if (failed > 0) throw new Error(`${failed} workers did not end in peace, as their own last lines say`);
}
