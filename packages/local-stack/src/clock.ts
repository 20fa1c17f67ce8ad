import { setTimeout as sleepMs } from 'node:timers/promises';

/** Time as the stack sees it; tests pass their own so that deadlines pass without waiting. */
export type Clock = {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after that many milliseconds; rejects at once when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/** The machine's own time. */
export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => sleepMs(ms, undefined, signal === undefined ? {} : { signal }),
};

/** Whether the promise settled within that many milliseconds; a rejection counts as settled. */
export async function settledWithin(promise: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(
    () => false,
    () => true,
  );
  const settled = promise.then(
    () => true,
    () => true,
  );
  const result = await Promise.race([settled, late]);
  timer.abort();
  return result;
}

/**
 * Asks again and again until the question is answered without an error.
 *
 * Returns null when it was answered, the last error when the deadline passed or `gaveUp` said so.
 */
export async function askUntil(
  ask: () => Promise<unknown>,
  options: { clock: Clock; deadline: number; pauseMs: number; gaveUp: () => boolean },
): Promise<unknown> {
  let problem: unknown = new Error('it was never asked');
  while (!options.gaveUp() && options.clock.now() < options.deadline) {
    try {
      await ask();
      return null;
    } catch (error) {
      problem = error;
    }
    await options.clock.sleep(options.pauseMs);
  }
  return problem;
}
