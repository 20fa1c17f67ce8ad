import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from './clock.ts';
import { commandLineReader } from './command-line.ts';
import { type Supervised, type SuperviseOptions, supervise } from './supervise.ts';

const folder = mkdtempSync(join(tmpdir(), 'supervise-'));
const logFile = join(folder, 'log', 'child.log');
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a line of shell under supervision. */
function run(script: string, more: Partial<SuperviseOptions> = {}): Supervised {
  rmSync(logFile, { force: true });
  return supervise({ name: 'child', command: '/bin/sh', args: ['-c', script], logFile, ...more });
}

const readLog = (): string => readFileSync(logFile, 'utf8');
const isRunning = (pid: number | null): boolean => pid !== null && commandLineReader()(pid) !== null;

/** A clock in which every wait is over at once. */
const hastyClock: Clock = { now: () => 0, sleep: async () => {} };

it('appends what the child writes to its log and tells its exit status', async () => {
  const child = run('echo out; echo err >&2; exit 3');
  expect(await child.exit).toEqual({ code: 3, signal: null, guardianLost: false });
  expect(readLog()).toBe('out\nerr\n');
  expect(child.pid).toBeNull();
});

it('tells the signal that ended the child, and leaves no guardian', async () => {
  const child = run('sleep 60 & wait');
  await vi.waitFor(() => expect(child.guardianPid).not.toBeNull());
  const { guardianPid } = child;
  child.kill('SIGKILL');
  expect(await child.exit).toEqual({ code: null, signal: 'SIGKILL', guardianLost: false });
  await vi.waitFor(() => expect(isRunning(guardianPid)).toBe(false));
});

it('passes environment and working folder', async () => {
  await run('echo "$GREETING"; pwd', { env: { GREETING: 'hello' }, cwd: '/' }).exit;
  expect(readLog()).toBe('hello\n/\n');
});

it('ends with status 127 when there is no such command', async () => {
  const child = supervise({ name: 'absent', command: join(folder, 'absent'), args: [], logFile });
  expect(await child.exit).toMatchObject({ code: 127 });
});

it('runs the child in a session of its own, so that a terminal reaches only the parent', async () => {
  const child = run('ps -o sid= -p $$');
  const { pid } = child;
  await child.exit;
  expect(Number(readLog())).toBe(pid);
});

it('stops in peace when the child can', async () => {
  const child = run("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  await vi.waitFor(() => expect(readLog()).toBe('ready\n'));
  expect(await child.stop()).toMatchObject({ code: 0 });
  expect(readLog()).toBe('ready\nbye\n');
});

it('kills a child that does not heed SIGTERM once the grace is over, with all that it started', async () => {
  const child = run("trap '' TERM; sleep 60 & echo $!; wait; sleep 60", { clock: hastyClock });
  const grandchild = await vi.waitFor(() => {
    expect(readLog()).toMatch(/^\d+\n$/);
    return Number(readLog());
  });
  expect(await child.stop(1)).toMatchObject({ signal: 'SIGKILL' });
  await vi.waitFor(() => expect(isRunning(grandchild)).toBe(false));
});

it('ends the child when its guardian is killed', async () => {
  const child = run('sleep 60');
  await vi.waitFor(() => expect(child.guardianPid).not.toBeNull());
  process.kill(child.guardianPid ?? 0, 'SIGKILL');
  expect(await child.exit).toMatchObject({ signal: 'SIGTERM', guardianLost: true });
});

it('starts a child again as often as it may', async () => {
  const child = run('echo again; exit 1', { restart: { attemptsMax: 2, delayMs: 5 }, clock: hastyClock });
  expect(await child.exit).toMatchObject({ code: 1 });
  expect(readLog()).toBe('again\nagain\nagain\n');
});

it('starts a stopped child never again', async () => {
  const child = run('echo started; sleep 60', { restart: { attemptsMax: 5, delayMs: 5 } });
  await vi.waitFor(() => expect(readLog()).toBe('started\n'));
  await child.stop();
  expect(readLog()).toBe('started\n');
  const waiting = run('echo started', {
    restart: { attemptsMax: 5, delayMs: 3_600_000 },
    clock: systemClock,
  });
  await vi.waitFor(() => expect(waiting.pid).toBeNull());
  await waiting.stop();
  expect(readLog()).toBe('started\n');
});

it('notes the child in the folder as long as it runs', async () => {
  const child = run('sleep 60', { folder });
  const pids = join(folder, 'pids');
  expect(JSON.parse(readFileSync(join(pids, 'child.pid.json'), 'utf8'))).toMatchObject({
    pid: child.pid,
    commandLine: '/bin/sh -c sleep 60',
    parentPid: process.pid,
  });
  await child.stop();
  await vi.waitFor(() => expect(readdirSync(pids)).toEqual([]));
});
