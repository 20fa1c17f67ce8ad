import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoKeyName, LocalKeyHashes } from '@meterstone/demo';
import { writePrivateFile } from './private-file.ts';

/** The Meterstone keys of a local pipeline, in clear. They stay the same until `--fresh`. */
export interface LocalKeys {
  /** Scopes `proxy` and `ingest`. */
  readonly apiKey: string;
  /** Scope `report`. */
  readonly reportKey: string;
  /** All scopes. */
  readonly adminKey: string;
  readonly demo: Readonly<Record<DemoKeyName, string>>;
}

const KEY_BYTES = 32;

/** Reads the keys of `dataFolder`, or makes them on the first start. The file is readable by its owner alone. */
export function openLocalKeys(dataFolder: string): LocalKeys {
  const path = join(dataFolder, 'local-keys.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as LocalKeys; // written below
  const keys: LocalKeys = {
    apiKey: newKey(),
    reportKey: newKey(),
    adminKey: newKey(),
    demo: { web: newKey(), digest: newKey(), research: newKey() },
  };
  writePrivateFile(path, JSON.stringify(keys, null, 2));
  return keys;
}

/** What a configuration may hold of the keys. */
export function hashesOf(keys: LocalKeys): LocalKeyHashes {
  return {
    apiKey: hash(keys.apiKey),
    reportKey: hash(keys.reportKey),
    adminKey: hash(keys.adminKey),
    demo: { web: hash(keys.demo.web), digest: hash(keys.demo.digest), research: hash(keys.demo.research) },
  };
}

function newKey(): string {
  return `mst_${randomBytes(KEY_BYTES).toString('base64url')}`;
}

function hash(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
