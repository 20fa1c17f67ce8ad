import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { faultIn, readFault } from './log-fault.ts';

const line = (facts: object) => JSON.stringify({ time: 'now', service: 'proxy', ...facts });

it('finds the last severe line and the reason in it', () => {
  const log = [
    line({ level: 'fatal', msg: 'an older one' }),
    line({
      level: 'fatal',
      msg: 'proxy could not start',
      err: { message: 'unknown provider kind', stack: 'x' },
    }),
    line({ level: 'info', msg: 'stopped' }),
  ].join('\n');
  expect(faultIn(log)).toBe('proxy could not start: unknown provider kind');
});

it('says the message alone where the line has no error', () => {
  expect(faultIn(line({ level: 'error', msg: 'out of order' }))).toBe('out of order');
});

it('shows the last lines when nothing severe was logged, such as an exception of Node', () => {
  const log = [
    line({ level: 'info', msg: 'starts' }),
    'TypeError: x is not a function',
    '    at main.ts:1',
  ].join('\n');
  expect(faultIn(log)).toContain('TypeError: x is not a function\n    at main.ts:1');
});

it('reads only what was written since the start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterstone-log-'));
  const path = join(folder, 'proxy.log');
  const old = `${line({ level: 'fatal', msg: 'of yesterday' })}\n`;
  writeFileSync(path, old);
  expect(readFault(path, old.length)).toBe(`it wrote nothing to ${path}`);
  writeFileSync(path, `${old}${line({ level: 'fatal', msg: 'of today' })}\n`);
  expect(readFault(path, old.length)).toBe(`of today (${path})`);
  expect(readFault(join(folder, 'none.log'), 0)).toContain('wrote nothing');
  rmSync(folder, { recursive: true });
});
