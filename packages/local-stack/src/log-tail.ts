import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** How much of a log's end is put into an error. */
const TAIL_BYTES_MAX = 8_192;
const TAIL_LINES_MAX = 25;

/** The size of the file in bytes; 0 when there is none. */
export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines that were written to the log after `fromByte`; a sentence saying so when there are none. */
export function logTail(path: string, fromByte = 0): string {
  const size = logSize(path);
  // A smaller file than before was set aside and begun anew.
  const start = Math.max(size < fromByte ? 0 : fromByte, size - TAIL_BYTES_MAX);
  const lines = readText(path, start, size - start)
    .trimEnd()
    .split('\n')
    .slice(-TAIL_LINES_MAX);
  const text = lines.join('\n').trim();
  return text === '' ? `(nothing was written to ${path})` : `last lines of ${path}:\n${text}`;
}

function readText(path: string, start: number, length: number): string {
  if (length <= 0) return '';
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, length, start));
  } finally {
    closeSync(file);
  }
}
