import type { Readiness } from '@meterstone/runtime';
import { StoreError } from '@meterstone/store';

/** Whether the store answers, as last seen. */
export interface StoreHealth {
  /** The last answer; not ready before the first. */
  readonly readiness: () => Readiness;
  readonly close: () => void;
}

/**
 * Asks the store every `intervalMs`, one question at a time, so that `/readyz` has its answer at hand. `probe`
 * must be a question that needs the tables: a server without them cannot report.
 */
export function watchStore(probe: () => Promise<unknown>, intervalMs: number): StoreHealth {
  let reason: string | null = 'the store was not asked yet';
  let asking = false;
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    try {
      await probe();
      reason = null;
    } catch (error) {
      const code = error instanceof StoreError ? error.code : 'unknown';
      reason = `the store does not answer (${code})`;
    } finally {
      asking = false;
    }
  };
  const timer = setInterval(() => void ask(), intervalMs);
  void ask();
  return {
    readiness: () => ({ ready: reason === null, reasons: reason === null ? [] : [reason] }),
    close: () => clearInterval(timer),
  };
}
