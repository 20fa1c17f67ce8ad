import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { JournalError } from './errors.ts';
import { Journal } from './journal.ts';
import { claimJournal } from './journal-folder.ts';
import type { JournalOptions } from './journal-options.ts';

/** Opens a new journal under a name that nobody else has, and locks it for as long as this process lives. */
export function openJournal(options: JournalOptions): Journal {
  mkdirSync(options.folder, { recursive: true });
  for (let attempt = 0; attempt < NAMES_TRIED_MAX; attempt++) {
    const suffix = Math.floor(options.random() * 0x1_0000_0000).toString(16);
    const name = options.instance.replaceAll(/[^\w.-]/g, '_');
    const path = join(options.folder, `${name}-${options.pid}-${suffix.padStart(8, '0')}`);
    const lock = makeFolder(path) ? claimJournal(path) : null;
    if (lock !== null) {
      return new Journal(options, { path, lock });
    }
  }
  const message = `no name for a journal was free in ${options.folder}`;
  throw new JournalError(message, { code: 'journal_exists', retryable: true });
}

const NAMES_TRIED_MAX = 16;

function makeFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}
