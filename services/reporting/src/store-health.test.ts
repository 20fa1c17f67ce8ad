import { StoreError } from '@meterstone/store';
import { describe, expect, it, vi } from 'vitest';
import { watchStore } from './store-health.ts';

describe('watchStore', () => {
  it('is not ready before the first answer, and follows the store after it', async () => {
    let up = true;
    const health = watchStore(async () => {
      if (!up) throw new StoreError('unreachable', 'x', { retryable: true });
    }, 5);
    expect(health.readiness()).toEqual({ ready: false, reasons: ['the store was not asked yet'] });
    await vi.waitFor(() => expect(health.readiness()).toEqual({ ready: true, reasons: [] }));
    up = false;
    await vi.waitFor(() =>
      expect(health.readiness()).toEqual({
        ready: false,
        reasons: ['the store does not answer (unreachable)'],
      }),
    );
    up = true;
    await vi.waitFor(() => expect(health.readiness().ready).toBe(true));
    health.close();
  });

  it('asks one question at a time, however slow the answer', async () => {
    let asked = 0;
    const answers: (() => void)[] = [];
    const health = watchStore(() => {
      asked += 1;
      return new Promise<void>((resolve) => answers.push(resolve));
    }, 1);
    await vi.waitFor(() => expect(asked).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBe(1);
    answers[0]?.();
    await vi.waitFor(() => expect(asked).toBe(2));
    health.close();
  });
});
