import { basename } from 'node:path';
import { claimJournal, listJournals, removeJournal } from './journal-folder.ts';
import type { OpenedFacts } from './journal-format.ts';
import { scanJournal } from './scan-journal.ts';

/** One journal, for the person who looks at it. */
export interface JournalStatus {
  readonly name: string;
  /** Its process lives, or another one is replaying it. */
  readonly isLocked: boolean;
  /** `null`: nothing readable was written. */
  readonly opened: OpenedFacts | null;
  readonly segments: number;
  readonly bytes: number;
  /** Attempts noted that have no event. Of a locked journal: requests in flight. */
  readonly openNotes: number;
  /** Events that Kafka has not acknowledged. */
  readonly unsettled: number;
  /** Bytes that its process did not live to finish. */
  readonly tornBytes: number;
}

/** Looks at every journal in a folder, without changing any. JournalError `unknown_format`. */
export async function readJournalStatus(folder: string): Promise<JournalStatus[]> {
  const statuses: JournalStatus[] = [];
  for (const path of listJournals(folder)) {
    const lock = claimJournal(path);
    lock?.release();
    const status = await statusOf(path, lock === null);
    if (status !== null) {
      statuses.push(status);
    }
  }
  return statuses;
}

/**
 * Gives up what a dead process left: removes its journal and says what is lost with it. `null`: there is no such
 * journal, or a process has it.
 */
export async function abandonJournal(folder: string, name: string): Promise<JournalStatus | null> {
  const path = listJournals(folder).find((found) => basename(found) === name);
  const lock = path === undefined ? null : claimJournal(path);
  if (path === undefined || lock === null) {
    return null;
  }
  try {
    const status = await statusOf(path, false);
    removeJournal(path);
    return status;
  } finally {
    lock.release();
  }
}

/** `null`: it was cleared away meanwhile. */
async function statusOf(path: string, isLocked: boolean): Promise<JournalStatus | null> {
  try {
    const { opened, segments, bytes, openNotes, unsettled, tornBytes } = await scanJournal(path);
    return {
      name: basename(path),
      isLocked,
      opened,
      segments,
      bytes,
      openNotes: openNotes.size,
      unsettled,
      tornBytes,
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return null;
    }
    throw error;
  }
}
