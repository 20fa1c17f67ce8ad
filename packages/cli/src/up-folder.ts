import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The folders of a local pipeline. `data`, `log` and `journal` are what `--fresh` empties. */
export interface UpFolder {
  readonly root: string;
  readonly data: string;
  readonly log: string;
  readonly journal: string;
  readonly cache: string;
}

/** Makes the folders, emptied first when `fresh`. */
export function openUpFolder(root: string, fresh: boolean): UpFolder {
  const folder: UpFolder = {
    root,
    data: join(root, 'data'),
    log: join(root, 'log'),
    journal: join(root, 'journal'),
    cache: join(root, 'cache'),
  };
  for (const path of [folder.data, folder.log, folder.journal]) {
    if (fresh && existsSync(path)) rmSync(path, { recursive: true });
  }
  for (const path of [folder.data, folder.log, folder.journal, folder.cache])
    mkdirSync(path, { recursive: true });
  return folder;
}
