import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** The size of a log in bytes; 0 when there is none yet. */
export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What a service wrote last before it ended, read from byte `from` of its log on: see {@link faultIn}. */
export function readFault(path: string, from: number): string {
  const size = logSize(path);
  // A log that has become smaller was set aside and begun anew.
  const start = Math.max(size < from ? 0 : from, size - TAIL_BYTES_MAX);
  if (size === start) return `it wrote nothing to ${path}`;
  const bytes = Buffer.alloc(size - start);
  const file = openSync(path, 'r');
  try {
    return `${faultIn(bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, start)))} (${path})`;
  } finally {
    closeSync(file);
  }
}

/** The last severe line of a service's log in words for a person, or the end of what else stands there. */
export function faultIn(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const severe = lines.map(readLine).findLast((line) => line !== null && SEVERE.has(line.level));
  if (severe) return severe.reason === null ? severe.message : `${severe.message}: ${severe.reason}`;
  return `its last lines:\n${lines.slice(-TAIL_LINES_MAX).join('\n')}`;
}

const TAIL_BYTES_MAX = 65_536;
const TAIL_LINES_MAX = 15;
const SEVERE: ReadonlySet<unknown> = new Set(['error', 'fatal']);

interface LogLine {
  readonly level: unknown;
  readonly message: string;
  /** The error's own words; `null`: the line carries no error. */
  readonly reason: string | null;
}

function readLine(text: string): LogLine | null {
  try {
    const { level, msg, err } = JSON.parse(text);
    return { level, message: String(msg), reason: err?.message ?? null };
  } catch {
    // Node itself writes plain text when a process dies of an exception.
    return null;
  }
}
