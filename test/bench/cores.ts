import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Where a process may run: `subject` is the core of what is measured, `rest` of everything else. */
export type Core = 'subject' | 'rest';

const TASKSET = 'taskset';
const CORES: Readonly<Record<Core, string>> = { subject: '0', rest: '1' };

/** Keeps what is measured and what loads it on cores of their own. */
export interface Cores {
  /** False: there is one core or no `taskset`, and nothing is pinned. */
  readonly pinned: boolean;
  /** The command that runs another one there. */
  command(core: Core, command: readonly [string, ...string[]]): [string, ...string[]];
  /** Moves a running process with all its threads. */
  move(core: Core, pid: number): void;
}

/** Pins with `taskset` where it exists and there are two cores. */
export function findCores(): Cores {
  const pinned = availableParallelism() >= 2 && hasTaskset();
  return {
    pinned,
    command: (core, command) => (pinned ? [TASKSET, '-c', CORES[core], ...command] : [...command]),
    move(core, pid) {
      if (pinned) execFileSync(TASKSET, ['-a', '-c', '-p', CORES[core], String(pid)], { stdio: 'ignore' });
    },
  };
}

function hasTaskset(): boolean {
  try {
    execFileSync(TASKSET, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
