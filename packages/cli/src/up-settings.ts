import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadSettings, type SettingsOf, settingsFor } from '@meterstone/control';
import { demoConfigYaml } from '@meterstone/demo';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the operator says: settings, and configuration files of their own. */
export interface UpSettings {
  readonly settings: SettingsOf<'cli'>;
  /** Absolute paths; empty = there are none, and the local configuration is used alone. */
  readonly own: readonly string[];
}

/**
 * Reads environment and configuration. Rejects with every fault at once: a ControlError when files are at
 * fault, else a SettingsError.
 */
export async function readUpSettings(env: Environment): Promise<UpSettings> {
  const own = ownConfig(env);
  if (own.length === 0) return { own, settings: settingsFor('cli', { env, yaml: null }) };
  return { own, settings: await withLocalDraft((draft) => readMerged(env, [draft, ...own])) };
}

const DEFAULT_CONFIG = 'meterstone.yaml';

function ownConfig(env: Environment): readonly string[] {
  const named = env['METERSTONE_CONFIG'] ?? '';
  if (named.trim() !== '') return named.split(',').map((path) => resolve(path.trim()));
  return existsSync(DEFAULT_CONFIG) ? [resolve(DEFAULT_CONFIG)] : [];
}

function readMerged(env: Environment, paths: readonly string[]): Promise<SettingsOf<'cli'>> {
  return loadSettings('cli', { ...env, METERSTONE_CONFIG: paths.join(',') });
}

/**
 * The operator's file may build on the local one (a key may name one of its plans), which can only be written
 * when the settings are known: so they are read beside a draft of it, with keys and an address that nobody uses.
 */
async function withLocalDraft<T>(read: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'meterstone-draft-'));
  try {
    const path = join(folder, 'demo.yaml');
    const hash = () => randomBytes(32).toString('hex');
    const demo = { web: hash(), digest: hash(), research: hash() };
    const hashes = { apiKey: hash(), reportKey: hash(), adminKey: hash(), demo };
    await writeFile(path, demoConfigYaml(hashes, 'http://127.0.0.1:1', join(folder, 'no-key')));
    return await read(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
