import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LOCK_FILE, SPARE_FILE, segmentNumber } from './journal-format.ts';
import { type JournalLock, lockJournal } from './journal-lock.ts';

/** The journals in a folder, by path; none where there is no such folder. */
export function listJournals(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name));
  } catch (error) {
    if (isGone(error)) {
      return [];
    }
    throw error;
  }
}

/** Locks a journal that exists. `null`: somebody has it, or its heir has just cleared it away. */
export function claimJournal(path: string): JournalLock | null {
  const lockPath = join(path, LOCK_FILE);
  let lock: JournalLock | null;
  try {
    lock = lockJournal(lockPath);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      return null;
    }
    throw error;
  }
  // A file that was removed between opening and locking is locked by nobody else, and is nobody's journal.
  if (lock !== null && statSync(lockPath, { throwIfNoEntry: false }) === undefined) {
    lock.release();
    return null;
  }
  return lock;
}

/**
 * Removes a journal whose lock the caller has: the segments before the lock file, so that whoever locks what is left
 * finds nothing to do.
 */
export function removeJournal(path: string): void {
  for (const file of readdirSync(path)) {
    if (segmentNumber(file) !== null || file === SPARE_FILE) {
      rmSync(join(path, file), { force: true });
    }
  }
  rmSync(join(path, LOCK_FILE), { force: true });
  try {
    rmdirSync(path);
  } catch (error) {
    // Somebody looks at it just now, and will remove it in turn.
    if (!isGone(error) && !(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) {
      throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
