import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { logSize, logTail } from './log-tail.ts';

const folder = mkdtempSync(join(tmpdir(), 'log-tail-'));
const path = join(folder, 'server.log');
afterAll(() => rmSync(folder, { recursive: true }));

it('shows the last lines only', () => {
  writeFileSync(path, Array.from({ length: 1_000 }, (_, line) => `line ${line}\n`).join(''));
  const lines = logTail(path).split('\n');
  expect(lines).toHaveLength(26);
  expect(lines.at(0)).toBe(`last lines of ${path}:`);
  expect(lines.at(-1)).toBe('line 999');
});

it('leaves out what an earlier run wrote, unless the log was begun anew', () => {
  writeFileSync(path, 'earlier run\nthis run\n');
  expect(logTail(path, 'earlier run\n'.length)).toBe(`last lines of ${path}:\nthis run`);
  expect(logTail(path, 1_000)).toContain('earlier run');
});

it('says that nothing was written', () => {
  writeFileSync(path, '');
  expect(logTail(path)).toBe(`(nothing was written to ${path})`);
  expect(logTail(join(folder, 'absent.log'))).toContain('nothing was written');
  expect(logSize(join(folder, 'absent.log'))).toBe(0);
});
