import type { Logger } from 'pino';

export interface ShutdownStep {
  /** For the log: which step failed or hung. */
  readonly name: string;
  readonly run: () => Promise<unknown> | unknown;
}

/** What a shutdown needs of the process; passed in so that a test need not end its own. */
interface ShutdownProcess {
  on(signal: ShutdownSignal, listener: () => void): unknown;
  exit(code: number): void;
}

export interface ShutdownOptions {
  readonly logger: Logger;
  /** For all steps together. When it runs out the process exits with 1, naming the step that hung. */
  readonly timeoutMs: number;
  /** In order, each after the one before: first what brings work in, last what work needs. */
  readonly steps: readonly ShutdownStep[];
  /** @default the process itself */
  readonly process?: ShutdownProcess;
}

type ShutdownSignal = (typeof SHUTDOWN_SIGNALS)[number];

const SHUTDOWN_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Runs the steps in order at the first SIGTERM, SIGINT or SIGHUP, then exits: 0 if every step succeeded,
 * else 1. A failed step is logged and the next one still runs, since the later ones save more (a flush, a
 * commit). Further signals are ignored: Ctrl-C reaches a service twice, from the terminal and from its
 * parent, and the second must not cut the flush short.
 * Returns the same shutdown for a program that stops itself; `code` is then the least exit status.
 */
export function installShutdown(options: ShutdownOptions): (reason: string, code?: number) => Promise<void> {
  const { logger, process: host = process } = options;
  let running: Promise<void> | undefined;
  const stop = (reason: string, code = 0): Promise<void> => {
    running ??= shutDown(reason, code, { ...options, process: host });
    return running;
  };
  for (const signal of SHUTDOWN_SIGNALS) {
    host.on(signal, () => {
      stop(signal).catch((error: unknown) => logger.fatal({ err: error }, 'shutdown broke'));
    });
  }
  return stop;
}

async function shutDown(
  reason: string,
  code: number,
  { logger, timeoutMs, steps, process: host }: Required<ShutdownOptions>,
): Promise<void> {
  let failed = code;
  let current = '';
  logger.info({ reason }, 'shutting down');
  const deadline = setTimeout(() => {
    logger.fatal({ step: current, timeoutMs }, 'shutdown took too long');
    host.exit(1);
  }, timeoutMs);
  for (const { name, run } of steps) {
    current = name;
    try {
      await run();
    } catch (error) {
      failed = failed === 0 ? 1 : failed;
      logger.error({ err: error, step: name }, 'shutdown step failed');
    }
  }
  clearTimeout(deadline);
  logger.info({ reason, exitCode: failed }, 'shut down');
  host.exit(failed);
}
