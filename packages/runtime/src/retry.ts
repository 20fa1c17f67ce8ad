import { setTimeout as sleepFor } from 'node:timers/promises';

export interface BackOff {
  /** Ceiling of the wait after the first failure, in milliseconds; it doubles with every further one. */
  readonly delayMs: number;
  /** The ceiling stops doubling here. */
  readonly delayMsMax: number;
  /** From [0, 1), as `Math.random`. */
  readonly random: () => number;
}

export interface RetryOptions extends BackOff {
  /** Calls in all, at least 1; `Infinity` retries until it succeeds or `signal` aborts. */
  readonly attemptsMax: number;
  /** Ends the waiting; the promise then rejects with the signal's reason. A running call is not interrupted. */
  readonly signal?: AbortSignal;
  /** @default every error is worth another attempt */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Called before each wait: `attempt` is the number of calls so far, from 1. */
  readonly onRetry?: (failure: { error: unknown; attempt: number; waitMs: number }) => void;
  /** @default timers of Node */
  readonly sleep?: (waitMs: number, signal: AbortSignal | undefined) => Promise<void>;
}

/**
 * Calls `operation` (with the attempt's number, from 1) until it succeeds. Rejects with its last error, unwrapped, when attempts
 * are used up or the error is not retryable.
 */
export async function retry<T>(
  operation: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { attemptsMax, signal, isRetryable = () => true, onRetry, sleep = sleepWithTimers } = options;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await operation(attempt);
    } catch (error) {
      if (attempt >= attemptsMax || !isRetryable(error)) {
        throw error;
      }
      const waitMs = backOffMs(attempt, options);
      onRetry?.({ error, attempt, waitMs });
      await sleep(waitMs, signal);
    }
  }
}

/**
 * Milliseconds to wait after failure number `failures` (from 1): at least half the ceiling, so that a broken
 * neighbour always gets a pause, and at random up to the whole, so that many clients do not come back at once.
 */
export function backOffMs(failures: number, { delayMs, delayMsMax, random }: BackOff): number {
  const ceiling = Math.min(delayMsMax, delayMs * 2 ** (failures - 1));
  return (ceiling / 2) * (1 + random());
}

async function sleepWithTimers(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleepFor(waitMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    // Node's AbortError hides the reason that the caller gave.
    signal?.throwIfAborted();
    throw error;
  }
}
