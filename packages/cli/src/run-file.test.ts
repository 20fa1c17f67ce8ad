import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { areGuarded, keepRunFile, removeRunFile, runFilePath } from './run-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterstone-run-file-'));
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const read = () => JSON.parse(readFileSync(runFilePath(folder), 'utf8'));

describe('run.json', () => {
  it('is readable by its owner alone and lists the processes at once', () => {
    const file = keepRunFile({ folder, facts: { org_id: 'demo' }, pids: () => ({ parent: 1 }) });
    expect(read()).toEqual({ org_id: 'demo', pids: { parent: 1 } });
    expect(statSync(runFilePath(folder)).mode & 0o777).toBe(0o600);
    file.close();
  });

  it('follows the processes', () => {
    let pids: Record<string, number> = { parent: 1, proxy: 2 };
    const file = keepRunFile({ folder, facts: {}, pids: () => pids });
    pids = { parent: 1, proxy: 3 };
    vi.advanceTimersByTime(1_000);
    expect(read().pids).toEqual({ parent: 1, proxy: 3 });
    file.close();
  });

  it('is gone when the run is over, and may be taken away twice', () => {
    keepRunFile({ folder, facts: {}, pids: () => ({}) }).close();
    expect(existsSync(runFilePath(folder))).toBe(false);
    removeRunFile(folder);
    vi.advanceTimersByTime(5_000);
    expect(existsSync(runFilePath(folder))).toBe(false);
  });
});

it.each([
  [{ parent: 1 }, true],
  [{ parent: 1, proxy: 2, 'proxy-guardian': 3 }, true],
  [{ parent: 1, proxy: 2, 'proxy-guardian': 3, demo: 4 }, false],
])('knows whether guardians are missing from %o', (pids, complete) => {
  expect(areGuarded(pids)).toBe(complete);
});
