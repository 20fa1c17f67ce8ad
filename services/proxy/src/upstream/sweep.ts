/** Something that waits, and wants to know when it has waited too long. */
export interface Swept {
  /** Where it stands in the sweep's list; the sweep's own business. */
  sweepIndex: number;
  /** Called at each sweep with the sweep's clock, in milliseconds. */
  onSweep(nowMs: number): void;
  /** The process stops: end now. */
  onStop(): void;
}

/**
 * A coarse clock and one timer for all that wait, instead of a timer each that every chunk would reset: an exchange
 * notes `nowMs` when something happens, which costs a field, and compares at the next sweep.
 */
export interface Sweep {
  /** Milliseconds, monotonic, as of the last sweep. */
  readonly nowMs: number;
  add(swept: Swept): void;
  remove(swept: Swept): void;
  /** Tells all that wait to end. */
  stopAll(): void;
  close(): void;
}

export interface SweepOptions {
  /** Time between two sweeps: how far a limit may be missed. */
  readonly periodMs: number;
  /** Monotonic milliseconds. */
  readonly monotonicMs: () => number;
}

export function createSweep({ periodMs, monotonicMs }: SweepOptions): Sweep {
  // An array, as V8 links each outgrown table of a Set to the next: once one of them is old, all exchanges that
  // later tables ever held survive every minor collection (seen as 10 ms pauses and a third of all CPU time).
  const all: Swept[] = [];
  const sweep = {
    nowMs: monotonicMs(),
    add(swept: Swept) {
      swept.sweepIndex = all.push(swept) - 1;
    },
    remove(swept: Swept) {
      const last = all.pop();
      if (last !== undefined && last !== swept) {
        all[swept.sweepIndex] = last;
        last.sweepIndex = swept.sweepIndex;
      }
    },
    stopAll() {
      // Each one that ends is taken off the list.
      for (const swept of [...all]) {
        swept.onStop();
      }
    },
    close() {
      clearInterval(timer);
    },
  };
  const timer = setInterval(() => {
    sweep.nowMs = monotonicMs();
    for (const swept of [...all]) {
      swept.onSweep(sweep.nowMs);
    }
  }, periodMs);
  timer.unref();
  return sweep;
}
