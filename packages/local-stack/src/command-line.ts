import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * The command line of a process as one line of text, arguments separated by a space; null when there is no
 * such process, or it has ended and only waits for its parent.
 */
export type CommandLineReader = (pid: number) => string | null;

/** Reads command lines from /proc where it exists, through `ps` elsewhere. */
export function commandLineReader(procFolder = '/proc'): CommandLineReader {
  return existsSync(`${procFolder}/self/cmdline`) ? (pid) => readProc(procFolder, pid) : readPs;
}

function readProc(procFolder: string, pid: number): string | null {
  try {
    const text = readFileSync(`${procFolder}/${pid}/cmdline`, 'utf8');
    return text === '' ? null : text.replace(/\0$/, '').replaceAll('\0', ' ');
  } catch {
    return null;
  }
}

function readPs(pid: number): string | null {
  const { status, stdout } = spawnSync('ps', ['-ww', '-o', 'stat=,command=', '-p', String(pid)], {
    encoding: 'utf8',
  });
  if (status !== 0) return null;
  const found = /^\s*(\S+)\s+(.*)$/.exec(stdout.trimEnd());
  return found === null || found[1]?.startsWith('Z') ? null : (found[2] ?? null);
}
