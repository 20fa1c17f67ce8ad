import { type Clock, systemClock } from './clock.ts';
import { type ChildExit, type GuardedCommand, type GuardedProcess, spawnGuarded } from './guard.ts';
import { noteProcess, pidFolderOf } from './leftovers.ts';

/** What to run as a child that cannot outlive this process. */
export type SuperviseOptions = GuardedCommand & {
  /** Unique among the children of one folder. */
  name: string;
  /** The stack's folder, in which the child is noted so that a next start finds it if it was left; absent: it is not noted. */
  folder?: string;
  /** Starts it again when it ends unasked: so many times at most, after so long. Absent: never. */
  restart?: { attemptsMax: number; delayMs: number };
  clock?: Clock;
};

/** A child that runs, or is about to be started again. */
export type Supervised = {
  readonly name: string;
  /** Process id; null while it does not run. */
  readonly pid: number | null;
  /** Process id of the guardian that ends the child when this process dies; null while the child does not run. */
  readonly guardianPid: number | null;
  /** The last end, after which nothing is started again. */
  readonly exit: Promise<ChildExit>;
  /** Sends the signal to the child; what happens then is as if it had ended by itself. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, SIGKILL after the grace (default 10 s), and no further start. */
  stop(graceMs?: number): Promise<ChildExit>;
};

const STOP_MS_MAX = 10_000;

/**
 * Runs a command under a guardian, in a session of its own: Ctrl-C in the terminal or the shell's hang-up
 * reaches this process alone, which then stops its children in its order. Returns at once.
 */
export function supervise(options: SuperviseOptions): Supervised {
  const { name, restart, clock = systemClock } = options;
  const stopping = new AbortController();
  let child = startOnce(options, clock);

  const run = async (): Promise<ChildExit> => {
    for (let attemptsLeft = restart?.attemptsMax ?? 0; ; attemptsLeft -= 1) {
      const exit = await child.exit;
      if (restart === undefined || attemptsLeft <= 0 || stopping.signal.aborted) return exit;
      // Rejects when it is stopped meanwhile; the loop's next look at the signal ends it.
      await clock.sleep(restart.delayMs, stopping.signal).catch(() => {});
      if (stopping.signal.aborted) return exit;
      child = startOnce(options, clock);
    }
  };
  const exit = run();

  return {
    name,
    exit,
    get pid() {
      return child.exited === null ? child.pid : null;
    },
    get guardianPid() {
      return child.exited === null ? child.guardianPid : null;
    },
    kill: (signal) => child.kill(signal),
    stop: async (graceMs = STOP_MS_MAX) => {
      stopping.abort();
      await child.stop(graceMs);
      return exit;
    },
  };
}

function startOnce(options: SuperviseOptions, clock: Clock): GuardedProcess {
  const { name, folder, command, args } = options;
  const child = spawnGuarded(options, clock);
  if (folder !== undefined) noteProcess(pidFolderOf(folder), { name, command, args, process: child });
  return child;
}
