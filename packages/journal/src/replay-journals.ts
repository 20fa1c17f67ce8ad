import { claimJournal, listJournals, removeJournal } from './journal-folder.ts';
import type { JournalLock } from './journal-lock.ts';
import { type Replayed, type ReplayOptions, replayJournal } from './replay-journal.ts';
import { type JournalScan, scanJournal } from './scan-journal.ts';
import type { TopicNow } from './topic-now.ts';

export interface ReplayedAll extends Replayed {
  /** Journals that were sent and removed. */
  readonly journals: number;
  /** Journals that another process has. */
  readonly locked: number;
  /** Journals that could not be replayed, for the reason in the log; they are left as they are. */
  readonly failed: number;
}

/**
 * Replays every journal in a folder whose process is dead, oldest first, one after the other. Never rejects for one of
 * them: the others are replayed all the same. Rejects with what `readTopic` rejects with; nothing was sent then. When the
 * signal aborts, what is left stays for the next.
 */
export async function replayJournals(folder: string, options: ReplayOptions): Promise<ReplayedAll> {
  const { logger, signal } = options;
  const total = { journals: 0, locked: 0, failed: 0, events: 0, orphans: 0, moved: 0, tornBytes: 0 };
  const found: Claimed[] = [];
  for (const path of listJournals(folder)) {
    const lock = claimJournal(path);
    if (lock === null) {
      total.locked += 1;
      continue;
    }
    try {
      found.push({ path, lock, scan: await scanJournal(path) });
    } catch (error) {
      lock.release();
      total.failed += 1;
      logger.error({ err: error, journal: path }, 'journal could not be read');
    }
  }
  if (found.length === 0) {
    return total;
  }
  found.sort((a, b) => openedAt(a) - openedAt(b));
  const topicNow = await readTopicOf(found, options);
  for (const claimed of found) {
    try {
      signal.throwIfAborted();
      const replayed = await replayJournal({ ...claimed, topicNow }, options);
      removeJournal(claimed.path);
      total.journals += 1;
      total.events += replayed.events;
      total.orphans += replayed.orphans;
      total.moved += replayed.moved;
      total.tornBytes += replayed.tornBytes;
      logger.info({ journal: claimed.path, ...replayed }, 'journal replayed and removed');
    } catch (error) {
      total.failed += 1;
      if (!signal.aborted) {
        logger.error({ err: error, journal: claimed.path }, 'journal could not be replayed');
      }
    } finally {
      claimed.lock.release();
    }
  }
  return total;
}

interface Claimed {
  readonly path: string;
  readonly lock: JournalLock;
  readonly scan: JournalScan;
}

/** Gives the locks back where the topic cannot be had. */
async function readTopicOf(found: readonly Claimed[], { readTopic }: ReplayOptions): Promise<TopicNow> {
  try {
    return await readTopic();
  } catch (error) {
    for (const { lock } of found) {
      lock.release();
    }
    throw error;
  }
}

function openedAt({ scan }: Claimed): number {
  return scan.opened?.openedAt ?? 0;
}
