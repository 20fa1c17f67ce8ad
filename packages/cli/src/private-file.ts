import { renameSync, writeFileSync } from 'node:fs';

const OWNER_ONLY = 0o600;

/** Writes a file that its owner alone can read, whole or not at all: a reader never sees half of it. */
export function writePrivateFile(path: string, text: string): void {
  const draft = `${path}.new`;
  writeFileSync(draft, `${text}\n`, { mode: OWNER_ONLY });
  renameSync(draft, path);
}
