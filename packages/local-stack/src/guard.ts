import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type Clock, settledWithin } from './clock.ts';

/** How a process ended: an exit status, or the signal that ended it; `guardianLost` when it was ended because its guardian was gone. */
export type ChildExit = { code: number | null; signal: NodeJS.Signals | null; guardianLost: boolean };

/** What to run under a guardian. */
export type GuardedCommand = {
  command: string;
  args: readonly string[];
  /** The whole environment of the process; absent means that of this process. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Absent means the working folder of this process. */
  cwd?: string;
  /** Both output streams are appended to this file; its folder is made. */
  logFile: string;
  /** `pipe` keeps standard input open as long as this process lives; `ignore` gives an empty one. */
  stdin?: 'ignore' | 'pipe';
};

/** A running process that ends when this process ends, however that happens. */
export type GuardedProcess = {
  /** Process id; null when it could not be started at all. */
  readonly pid: number | null;
  /** Process id of the guardian; null until it has reported, a few milliseconds after the start. */
  readonly guardianPid: number | null;
  readonly exit: Promise<ChildExit>;
  /** The exit once it has happened, null while the process runs. */
  readonly exited: ChildExit | null;
  /** Sends the signal to the process alone; does nothing when it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL to all that is left after the grace; resolves when the process has ended. 0 kills at once. */
  stop(graceMs: number): Promise<ChildExit>;
};

/** How long the guardian lets an orphaned process end in peace before SIGKILL. */
const ORPHAN_GRACE_MS = 5_000;

/** A log file over this size is set aside (one generation) when the next process starts. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The guardian is a subshell that waits on a pipe held by this process; the shell itself becomes the command,
 * so the command's process id, exit status and signals are the child's own. When this process ends, even by
 * kill -9, the kernel closes the pipe and the guardian ends the whole process group. It holds the other end
 * of a second pipe, through which its own death is seen.
 */
const GUARDIAN_SCRIPT = `tenths=$1
shift
(
  trap '' HUP INT TERM
  read -r line <&3
  kill -TERM "-$$"
  while kill -0 "$$" && [ "$tenths" -gt 0 ]; do sleep 0.1; tenths=$((tenths - 1)); done
  kill -KILL "-$$"
) </dev/null >/dev/null 2>&1 &
echo "$!" >&4
exec "$@" 3<&- 4>&-`;

/**
 * Starts a process in a session of its own (a terminal's Ctrl-C or hang-up does not reach it) that cannot
 * outlive this process. A command that cannot be run ends with status 126 or 127, as in any shell.
 */
export function spawnGuarded(options: GuardedCommand, clock: Clock): GuardedProcess {
  const log = openLog(options.logFile);
  const child = spawn(
    '/bin/sh',
    ['-c', GUARDIAN_SCRIPT, 'guardian', String(ORPHAN_GRACE_MS / 100), options.command, ...options.args],
    {
      detached: true,
      stdio: [options.stdin ?? 'ignore', log, log, 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    },
  );
  closeSync(log);
  return watch(child, clock);
}

/** The end of a process in words. */
export function describeExit(exit: ChildExit): string {
  if (exit.guardianLost) return 'was ended because its guardian was killed';
  if (exit.signal !== null) return `was ended by ${exit.signal}`;
  return exit.code === null ? 'could not be started' : `ended with status ${exit.code}`;
}

function watch(child: ChildProcess, clock: Clock): GuardedProcess {
  let exited: ChildExit | null = null;
  let guardianPid: number | null = null;
  let guardianLost = false;
  const leash = child.stdio[3] as Writable; // a 'pipe' entry of stdio is a duplex stream
  const report = child.stdio[4] as Readable; // likewise
  // The far ends vanish with the processes; that is the message, not an error.
  for (const stream of [leash, report, child.stdin]) stream?.on('error', () => {});

  const exit = new Promise<ChildExit>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (exited !== null) return;
      exited = { code, signal, guardianLost };
      // The guardian and whatever the process left in its group; the group's id cannot be reused before that.
      signalGroup(child.pid, 'SIGKILL');
      for (const stream of [leash, report, child.stdin]) stream?.destroy();
      resolve(exited);
    };
    child.once('exit', end);
    child.once('error', () => end(null, null));
  });

  const stop = async (graceMs: number): Promise<ChildExit> => {
    if (exited === null && graceMs > 0) {
      child.kill('SIGTERM');
      await settledWithin(exit, graceMs, clock);
    }
    if (exited === null) signalGroup(child.pid, 'SIGKILL');
    return exit;
  };

  let reported = '';
  report.setEncoding('utf8');
  report.on('data', (text: string) => {
    reported += text;
    const pid = Number(reported.trim());
    if (reported.endsWith('\n') && Number.isSafeInteger(pid)) guardianPid = pid;
  });
  report.once('close', () => {
    if (exited !== null) return;
    guardianLost = true;
    void stop(ORPHAN_GRACE_MS);
  });

  return {
    pid: child.pid ?? null,
    get guardianPid() {
      return guardianPid;
    },
    exit,
    get exited() {
      return exited;
    },
    kill: (signal) => {
      if (exited === null) child.kill(signal);
    },
    stop,
  };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nothing of the group is left, which is what was wanted.
  }
}

function openLog(logFile: string): number {
  mkdirSync(dirname(logFile), { recursive: true });
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`);
  return openSync(logFile, 'a', 0o600);
}
