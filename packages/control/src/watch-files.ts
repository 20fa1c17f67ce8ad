import { stat } from 'node:fs/promises';

/** A running watch; `close` ends it and waits for a look that is under way. */
export interface FileWatch {
  close(): Promise<void>;
}

/**
 * Calls `onChange` when any of the files appears, goes or changes, looking every `intervalMs`. Polling, not
 * notification: it sees an editor's rename, a mounted ConfigMap and a network folder alike. A change counts when
 * two looks in a row find the same, for a file that is being written is first empty, and an empty one is valid.
 * Start it before the files are read, so that a change during the reading is seen. `onChange` must not throw;
 * it is awaited before the next look. A path that joins `paths()` later counts as seen when it is first looked at.
 */
export async function watchFiles(options: {
  readonly paths: () => readonly string[];
  readonly intervalMs: number;
  readonly onChange: () => Promise<void>;
}): Promise<FileWatch> {
  let acted: Facts = await factsOf(options.paths());
  let before = acted;
  let looking: Promise<void> | null = null;

  const look = async (): Promise<void> => {
    const facts = await factsOf(options.paths());
    const settled = !differ(before, facts);
    before = facts;
    if (!settled) return;
    const changed = differ(acted, facts);
    acted = facts;
    if (changed) await options.onChange();
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = null;
    });
  }, options.intervalMs);
  timer.unref();

  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}

type Facts = ReadonlyMap<string, string>;

function differ(earlier: Facts, later: Facts): boolean {
  return [...later].some(([path, fact]) => earlier.has(path) && earlier.get(path) !== fact);
}

/** Modification time, size and file number of each: a rename over the file changes the last. */
async function factsOf(paths: readonly string[]): Promise<Facts> {
  const facts = paths.map(async (path): Promise<[string, string]> => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      return [path, `${mtimeMs} ${size} ${ino}`];
    } catch {
      return [path, 'missing'];
    }
  });
  return new Map(await Promise.all(facts));
}
