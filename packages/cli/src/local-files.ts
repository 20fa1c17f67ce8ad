import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecretReader, openControl, SETTINGS } from '@meterstone/control';
import { demoConfigYaml } from '@meterstone/demo';
import { createLogger } from '@meterstone/runtime';
import { hashesOf, type LocalKeys, openLocalKeys } from './local-keys.ts';
import { writePrivateFile } from './private-file.ts';
import type { UpFolder } from './up-folder.ts';
import type { Environment, UpSettings } from './up-settings.ts';

/** What a local pipeline keeps on disk besides its data. */
export interface LocalFiles {
  readonly keys: LocalKeys;
  /** Configuration files, the local ones first, so that the operator's entries win. */
  readonly configPaths: readonly string[];
  /** `file:PATH` of the secret that keys the hashes of user names. */
  readonly userKeySecret: string;
  /** Whether `openai` and `anthropic` lead to the demo's provider. */
  readonly demoProviders: boolean;
}

export interface LocalFilesOptions extends UpSettings {
  readonly folder: UpFolder;
  readonly env: Environment;
  /** Whether the demo's provider is to play `openai` and `anthropic`. */
  readonly demo: boolean;
}

const SECRET_BYTES = 32;

/** Without the demo, the names lead to the providers themselves, with the keys that their own clients look for. */
const REAL_PROVIDERS = `providers:
  openai: { kind: openai, base_url: "https://api.openai.com", credential: "env:OPENAI_API_KEY" }
  anthropic: { kind: anthropic, base_url: "https://api.anthropic.com", credential: "env:ANTHROPIC_API_KEY" }
`;

/**
 * Makes what is missing; keys and secrets stay the same until `--fresh`. ControlError `invalid_config` when the
 * operator's files do not go with the local ones.
 */
export async function prepareLocalFiles(options: LocalFilesOptions): Promise<LocalFiles> {
  const { folder, settings, own } = options;
  const keys = openLocalKeys(folder.data);
  const credentialPath = secretFile(join(folder.data, 'demo-provider-key'));
  const localPath = join(folder.data, 'demo.yaml');
  const realPath = join(folder.data, 'providers.yaml');
  const demoUrl = `http://127.0.0.1:${settings.demoProviderPort}`;
  writeFileSync(localPath, demoConfigYaml(hashesOf(keys), demoUrl, credentialPath));
  writeFileSync(realPath, REAL_PROVIDERS);
  const withDemo = [localPath, ...own];
  const demoProviders = options.demo && (await leadTo(demoUrl, { ...options, configPaths: withDemo }));
  return {
    keys,
    configPaths: demoProviders ? withDemo : [localPath, realPath, ...own],
    userKeySecret: userKeySecret(options),
    demoProviders,
  };
}

/** The demo's calls must never reach, and be billed by, a provider that the operator has put under these names. */
async function leadTo(
  demoUrl: string,
  { folder, own, env, configPaths }: LocalFilesOptions & { configPaths: readonly string[] },
): Promise<boolean> {
  if (own.length === 0) return true;
  const control = await openControl({
    configPaths,
    bundlesFolder: join(folder.data, 'bundles'),
    readSecret: createSecretReader(env),
    logger: createLogger({ service: 'cli', level: 'silent' }),
    watch: false,
  });
  const { providers } = control.snapshot();
  await control.close();
  return ['openai', 'anthropic'].every((name) => providers.get(name)?.baseUrl === demoUrl);
}

function userKeySecret({ settings, env, folder }: LocalFilesOptions): string {
  const standard: string | undefined = SETTINGS.find(
    ({ name }) => name === 'user_key_secret',
  )?.default?.toString();
  const chosen = env['METERSTONE_USER_KEY_SECRET'] || settings.userKeySecret !== standard;
  return chosen ? settings.userKeySecret : `file:${secretFile(join(folder.data, 'user-key-secret'))}`;
}

function secretFile(path: string): string {
  if (!existsSync(path)) writePrivateFile(path, randomBytes(SECRET_BYTES).toString('hex'));
  return path;
}
