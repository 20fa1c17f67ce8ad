import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs, type RetryOptions, retry } from './retry.ts';

const middle = () => 0.5;

/** Options that note the waits instead of waiting. */
function noted(waits: number[], over: Partial<RetryOptions> = {}): RetryOptions {
  return {
    attemptsMax: 5,
    delayMs: 100,
    delayMsMax: 300,
    random: middle,
    sleep: async (waitMs) => void waits.push(waitMs),
    ...over,
  };
}

function failing(times: number) {
  const attempts: number[] = [];
  const operation = async (attempt: number) => {
    attempts.push(attempt);
    if (attempt <= times) {
      throw new Error(`failure ${attempt}`);
    }
    return 'done';
  };
  return { attempts, operation };
}

describe('retry', () => {
  it('returns the first success without waiting', async () => {
    const waits: number[] = [];
    expect(await retry(failing(0).operation, noted(waits))).toBe('done');
    expect(waits).toEqual([]);
  });

  it('doubles the ceiling of each wait up to the greatest', async () => {
    const waits: number[] = [];
    const { attempts, operation } = failing(4);
    expect(await retry(operation, noted(waits))).toBe('done');
    // Ceilings 100, 200, 300, 300; random 0.5 waits three quarters of each.
    expect(waits).toEqual([75, 150, 225, 225]);
    expect(attempts).toEqual([1, 2, 3, 4, 5]);
  });

  it('rejects with the last error, unwrapped, when attempts are used up', async () => {
    const { attempts, operation } = failing(9);
    await expect(retry(operation, noted([], { attemptsMax: 3 }))).rejects.toThrow('failure 3');
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('does not repeat what is not retryable', async () => {
    const { attempts, operation } = failing(9);
    await expect(retry(operation, noted([], { isRetryable: () => false }))).rejects.toThrow('failure 1');
    expect(attempts).toEqual([1]);
  });

  it('tells of each failure before it waits', async () => {
    const told: unknown[] = [];
    await retry(
      failing(2).operation,
      noted([], {
        onRetry: ({ error, attempt, waitMs }) => told.push([(error as Error).message, attempt, waitMs]), // thrown above
      }),
    );
    expect(told).toEqual([
      ['failure 1', 1, 75],
      ['failure 2', 2, 150],
    ]);
  });

  it('rejects with the reason of the signal while it waits on a real timer', async () => {
    const controller = new AbortController();
    const result = retry(failing(9).operation, {
      attemptsMax: Number.POSITIVE_INFINITY,
      delayMs: 60_000,
      delayMsMax: 60_000,
      random: middle,
      signal: controller.signal,
      onRetry: () => setImmediate(() => controller.abort(new Error('closing'))),
    });
    await expect(result).rejects.toThrow('closing');
  });

  it('does not call an operation whose signal has already aborted', async () => {
    const { attempts, operation } = failing(0);
    const signal = AbortSignal.abort(new Error('closed'));
    await expect(retry(operation, noted([], { signal }))).rejects.toThrow('closed');
    expect(attempts).toEqual([]);
  });
});

describe('backOffMs', () => {
  it('stays between half the ceiling and the ceiling, however many failures', () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), unit, (failures, drawn) => {
        const waitMs = backOffMs(failures, { delayMs: 50, delayMsMax: 10_000, random: () => drawn });
        const ceiling = failures > 20 ? 10_000 : Math.min(10_000, 50 * 2 ** (failures - 1));
        expect(waitMs).toBeGreaterThanOrEqual(ceiling / 2);
        expect(waitMs).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});
