import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import { type CommandLineReader, commandLineReader } from './command-line.ts';
import { StackError } from './errors.ts';
import type { GuardedProcess } from './guard.ts';

/** What a pid file says about one running process and about the process that started it. */
export type PidRecord = {
  name: string;
  pid: number;
  commandLine: string;
  parentPid: number;
  parentCommandLine: string;
};

/** What became of a recorded process: ended, still watched by its parent, or left behind by one that died. */
export type Leftover = 'gone' | 'watched' | 'left';

const SUFFIX = '.pid.json';

/** How long a leftover may take to end in peace before SIGKILL. */
const LEFTOVER_GRACE_MS = 5_000;
const LEFTOVER_POLL_MS = 100;

/** Keeps a pid file about the running process for as long as it runs. */
export function noteProcess(
  pidFolder: string,
  started: { name: string; command: string; args: readonly string[]; process: GuardedProcess },
): void {
  const { name, command, args } = started;
  const { pid, exit } = started.process;
  if (pid === null) return;
  const commandLine = [command, ...args].join(' ');
  const parentCommandLine = commandLineReader()(process.pid) ?? '';
  const record: PidRecord = { name, pid, commandLine, parentPid: process.pid, parentCommandLine };
  mkdirSync(pidFolder, { recursive: true });
  const path = join(pidFolder, `${name}${SUFFIX}`);
  // A reader never sees half a record, whenever we are killed.
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  void exit.then(() => {
    // A newer process of that name has written its own.
    if (readRecord(path)?.pid === pid) rmSync(path, { force: true });
  });
}

/** Where a stack in that folder keeps its pid files; outside `data`, so that emptying the data forgets no process. */
export function pidFolderOf(folder: string): string {
  return join(folder, 'pids');
}

/** Where to look for leftovers and whom to tell. */
export type LeftoverOptions = {
  folder: string;
  onProgress?: (line: string) => void;
  clock?: Clock;
  read?: CommandLineReader;
};

/**
 * Ends what an earlier run left behind in this folder and returns the names of what it ended.
 *
 * A process is touched only if its command line is still the recorded one, so a foreign process that got the
 * same id is left alone. Refuses with `already_running`, nothing ended, when a recorded parent is alive: that
 * is a stack in use, not a leftover.
 */
export async function clearLeftovers(options: LeftoverOptions): Promise<string[]> {
  const { folder, onProgress = () => {}, clock = systemClock, read = commandLineReader() } = options;
  const paths = listPidFiles(pidFolderOf(folder));
  const records = paths.map(readRecord).filter((record) => record !== null);
  const watched = records.find((record) => judge(record, read) === 'watched');
  if (watched !== undefined) {
    const message = `${watched.name} (process ${watched.pid}) is still run by process ${watched.parentPid}: stop that one first`;
    throw new StackError('already_running', message, { retryable: false });
  }
  const left = records.filter((record) => judge(record, read) === 'left');
  const names = left.map((record) => record.name);
  if (names.length > 0) onProgress(`ending what an earlier run had left: ${names.join(', ')}`);
  await Promise.all(left.map((record) => endLeftover(record, clock, read)));
  for (const path of paths) rmSync(path, { force: true });
  return names;
}

/** What became of a recorded process, by the command lines that its ids have now. */
export function judge(record: PidRecord, read: CommandLineReader): Leftover {
  if (read(record.pid) !== record.commandLine) return 'gone';
  return read(record.parentPid) === record.parentCommandLine ? 'watched' : 'left';
}

async function endLeftover(
  { pid, commandLine }: PidRecord,
  clock: Clock,
  read: CommandLineReader,
): Promise<void> {
  const deadline = clock.now() + LEFTOVER_GRACE_MS;
  signal(pid, 'SIGTERM');
  while (read(pid) === commandLine && clock.now() < deadline) await clock.sleep(LEFTOVER_POLL_MS);
  if (read(pid) === commandLine) signal(pid, 'SIGKILL');
  // Each of ours leads a process group, whose id is not given away while anything that it started still runs.
  signal(-pid, 'SIGKILL');
  while (read(pid) === commandLine && clock.now() < deadline + LEFTOVER_GRACE_MS)
    await clock.sleep(LEFTOVER_POLL_MS);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // ESRCH: it ended in the meantime.
  }
}

function listPidFiles(pidFolder: string): string[] {
  try {
    return readdirSync(pidFolder)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => join(pidFolder, name));
  } catch {
    return [];
  }
}

function readRecord(path: string): PidRecord | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isPidRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isPidRecord(value: unknown): value is PidRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { name, pid, commandLine, parentPid, parentCommandLine } = value as Record<string, unknown>; // checked below
  const texts = [name, commandLine, parentCommandLine].every((text) => typeof text === 'string');
  // A process id below 2 would signal a group or everything.
  return texts && [pid, parentPid].every((id) => Number.isSafeInteger(id) && Number(id) > 1);
}
