import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsOf } from '@meterstone/control';
import { demoConfigYaml } from '@meterstone/demo';
import { hashesOf, type LocalKeys, openLocalKeys } from './local-keys.ts';
import { writePrivateFile } from './private-file.ts';
import type { UpFolder } from './up-folder.ts';

/** What a local pipeline keeps on disk besides its data. */
export interface LocalFiles {
  readonly keys: LocalKeys;
  /** Configuration files, the demo's first, so that the operator's entries win. */
  readonly configPaths: readonly string[];
  /** `file:PATH` of the secret that keys the hashes of user names. */
  readonly userKeySecret: string;
}

export interface LocalFilesOptions {
  readonly folder: UpFolder;
  readonly settings: SettingsOf<'cli'>;
  readonly own: readonly string[] | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const SECRET_BYTES = 32;

/** Makes what is missing; keys and secrets stay the same until `--fresh`. */
export function prepareLocalFiles({ folder, settings, own, env }: LocalFilesOptions): LocalFiles {
  const keys = openLocalKeys(folder.data);
  const credentialPath = secretFile(join(folder.data, 'demo-provider-key'));
  const configPath = join(folder.data, 'demo.yaml');
  const providerUrl = `http://127.0.0.1:${settings.demoProviderPort}`;
  writeFileSync(configPath, demoConfigYaml(hashesOf(keys), providerUrl, credentialPath));
  const named = env['METERSTONE_USER_KEY_SECRET'];
  return {
    keys,
    configPaths: [configPath, ...(own ?? [])],
    userKeySecret: named
      ? settings.userKeySecret
      : `file:${secretFile(join(folder.data, 'user-key-secret'))}`,
  };
}

function secretFile(path: string): string {
  if (!existsSync(path)) writePrivateFile(path, randomBytes(SECRET_BYTES).toString('hex'));
  return path;
}
