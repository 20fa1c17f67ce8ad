import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commandLineReader } from './command-line.ts';
import { clearLeftovers, judge, type PidRecord } from './leftovers.ts';

const record: PidRecord = {
  name: 'kafka-1',
  pid: 40,
  commandLine: 'java kafka.Kafka /a/node.properties',
  parentPid: 30,
  parentCommandLine: 'node main.ts up',
};

it.each([
  ['left when it runs and its parent does not', { 40: record.commandLine }, 'left'],
  ['left when another process has the id of its parent', { 40: record.commandLine, 30: 'vim' }, 'left'],
  ['watched when its parent runs', { 40: record.commandLine, 30: record.parentCommandLine }, 'watched'],
  ['gone when it does not run', { 30: record.parentCommandLine }, 'gone'],
  ['gone when another process has its id', { 40: 'java kafka.Kafka /b/node.properties' }, 'gone'],
])('calls a process %s', (_, running: Readonly<Record<number, string>>, state) => {
  expect(judge(record, (pid) => running[pid] ?? null)).toBe(state);
});

let folder = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'leftovers-'));
  mkdirSync(join(folder, 'pids'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function startSleeper(): Promise<{ child: ChildProcess; pid: number; commandLine: string }> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  return { child, pid: child.pid ?? 0, commandLine: 'sleep 600' };
}

function note(name: string, more: Partial<PidRecord>): void {
  writeFileSync(join(folder, 'pids', `${name}.pid.json`), JSON.stringify({ ...record, name, ...more }));
}

it('ends what was left, and tells', async () => {
  const { child, pid, commandLine } = await startSleeper();
  note('kafka-1', { pid, commandLine, parentCommandLine: 'a parent that is gone' });
  const ended = once(child, 'exit');
  const lines: string[] = [];
  const names = await clearLeftovers({ folder, onProgress: (line) => lines.push(line) });
  expect(names).toEqual(['kafka-1']);
  expect(await ended).toEqual([null, 'SIGTERM']);
  expect(lines).toEqual(['ending what an earlier run had left: kafka-1']);
  expect(readdirSync(join(folder, 'pids'))).toEqual([]);
});

it('leaves a foreign process alone that got the id of ours', async () => {
  const { child, pid } = await startSleeper();
  note('kafka-1', { pid, parentCommandLine: 'a parent that is gone' });
  expect(await clearLeftovers({ folder })).toEqual([]);
  expect(child.exitCode ?? child.signalCode).toBeNull();
  expect(commandLineReader()(pid)).toBe('sleep 600');
});

it('refuses when the parent still runs, and touches nothing', async () => {
  const { child, pid, commandLine } = await startSleeper();
  const parent = { parentPid: process.pid, parentCommandLine: commandLineReader()(process.pid) ?? '' };
  note('clickhouse-1', { pid, commandLine, parentCommandLine: 'a parent that is gone' });
  note('kafka-1', { pid, commandLine, ...parent });
  await expect(clearLeftovers({ folder })).rejects.toMatchObject({
    code: 'already_running',
    message: expect.stringContaining(`is still run by process ${process.pid}`),
  });
  expect(child.exitCode ?? child.signalCode).toBeNull();
  expect(existsSync(join(folder, 'pids', 'kafka-1.pid.json'))).toBe(true);
});

it.each(['', '{"pid":1}', 'null', JSON.stringify({ ...record, pid: -1 })])(
  'removes a pid file that holds no record: %s',
  async (text) => {
    writeFileSync(join(folder, 'pids', 'odd.pid.json'), text);
    expect(await clearLeftovers({ folder })).toEqual([]);
    expect(readdirSync(join(folder, 'pids'))).toEqual([]);
  },
);

it('finds nothing in a folder that is not there', async () => {
  expect(await clearLeftovers({ folder: join(folder, 'absent') })).toEqual([]);
});

it('reads the same command line through ps as from /proc', async () => {
  const { child, pid, commandLine } = await startSleeper();
  const readers = [commandLineReader(), commandLineReader(join(folder, 'no-proc'))];
  expect(readers.map((read) => read(pid))).toEqual([commandLine, commandLine]);
  const ended = once(child, 'exit');
  child.kill();
  await ended;
  expect(readers.map((read) => read(pid))).toEqual([null, null]);
});
