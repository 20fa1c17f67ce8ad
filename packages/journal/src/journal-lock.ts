/**
 * Node has no `flock`, and a file that names a process id is racy: ids are used again, in containers at once.
 * SQLite, which Node carries, locks a file of its own with `fcntl`: atomic, seen by every process and container that
 * mounts the folder, and freed by the kernel when its process dies, however it dies. Nothing is ever stored in it, so
 * its own journal may be in memory.
 * A file handle of the same process that is opened and closed on the lock file would free the lock: nobody reads it.
 */

import { DatabaseSync } from 'node:sqlite';

export interface JournalLock {
  release(): void;
}

/** Locks a journal for this process. `null`: another process, or another part of this one, has it. */
export function lockJournal(path: string): JournalLock | null {
  // The database must stay referenced: collected as garbage, it would let go of the lock.
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) {
      return null;
    }
    throw error;
  }
  return { release: () => database.close() };
}

/** https://www.sqlite.org/rescode.html#busy (read 2026-11-24): somebody else holds a lock on the file. */
const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
