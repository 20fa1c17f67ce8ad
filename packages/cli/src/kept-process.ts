import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildExit, Supervised } from '@meterstone/local-stack';
import type { Pids } from './run-file.ts';

export interface KeptProcessOptions {
  readonly name: string;
  /** Starts it once, without starting it again when it ends. */
  readonly start: () => Supervised;
  /** Told when it ended unasked and is about to be started again. */
  readonly onEnd: (how: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** A process that is started again whenever it ends, once `keep` was called. */
export interface KeptProcess {
  readonly name: string;
  pids(): Pids;
  /** How the first start ended; pending as long as it runs. */
  readonly firstEnd: Promise<ChildExit>;
  /** From now on an end is followed by a new start. Until then it is the caller's to judge. */
  keep(): void;
  /** SIGTERM, SIGKILL after the grace, and no further start. */
  stop(graceMs: number): Promise<void>;
}

export function startKeptProcess({ name, start, onEnd, now }: KeptProcessOptions): KeptProcess {
  const stopping = new AbortController();
  let child = start();
  let startedAt = now();

  const keepGoing = async (): Promise<void> => {
    for (let pauseMs = 0; ; ) {
      const exit = await child.exit;
      if (stopping.signal.aborted) return;
      pauseMs = nextPauseMs(pauseMs, now() - startedAt);
      onEnd(describeEnd(exit));
      // Rejects when it is stopped meanwhile.
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      child = start();
      startedAt = now();
    }
  };

  return {
    name,
    firstEnd: child.exit,
    pids: () => ({
      ...(child.pid === null ? {} : { [name]: child.pid }),
      ...(child.guardianPid === null ? {} : { [`${name}-guardian`]: child.guardianPid }),
    }),
    keep: () => void keepGoing(),
    stop: async (graceMs) => {
      stopping.abort();
      await child.stop(graceMs);
    },
  };
}

const PAUSE_MS = 500;
const PAUSE_MS_MAX = 10_000;
/** What lived so long had started well: its end is a new story. */
const SETTLED_MS = 10_000;

/** The pause before the next start: short at first, doubled for as long as it ends right after its start. */
export function nextPauseMs(lastPauseMs: number, livedMs: number): number {
  return livedMs >= SETTLED_MS ? PAUSE_MS : Math.min(Math.max(PAUSE_MS, lastPauseMs * 2), PAUSE_MS_MAX);
}

/** How a process ended, in words. */
export function describeEnd({ code, signal, guardianLost }: ChildExit): string {
  if (guardianLost) return 'its guardian was killed';
  if (signal !== null) return signal;
  return code === null ? 'it could not be started' : `status ${code}`;
}
