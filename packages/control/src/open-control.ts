import { randomUUID } from 'node:crypto';
import type { PriceBook } from '@meterstone/metering';
import { loadPriceBook } from '@meterstone/price-book';
import type { Logger } from '@meterstone/runtime';
import type { ConfigFile } from './config-schema.ts';
import { loadConfig } from './load-config.ts';
import type { SecretReader } from './secret.ts';
import { buildSnapshot, type Snapshot } from './snapshot.ts';
import { keepTerms } from './terms.ts';
import { type FileWatch, watchFiles } from './watch-files.ts';

/** What the services know of orgs, keys, plans and providers, kept up to date. */
export interface Control {
  /** The newest whole state. It never changes under the caller; hold it for one request or batch. */
  snapshot(): Snapshot;
  /** Calls the listener with each new snapshot; returns what ends that. A listener must not throw. */
  onChange(listener: (snapshot: Snapshot) => void): () => void;
  /** How often a changed configuration was taken over, and how often it was refused as faulty. */
  reloads(): { readonly taken: number; readonly refused: number };
  close(): Promise<void>;
}

export interface ControlOptions {
  /** In order; the later file wins. At least one. */
  readonly configPaths: readonly string[];
  /** Where bundles are kept; made when missing. */
  readonly bundlesFolder: string;
  readonly readSecret: SecretReader;
  readonly logger: Logger;
  /** Reload when a configuration file or a `file:` credential changes. */
  readonly watch: boolean;
  /** @default 1000 */
  readonly watchIntervalMs?: number;
}

const WATCH_INTERVAL_MS = 1000;

/**
 * Opens the configuration. ControlError `invalid_config` when it has faults now; a fault that comes with a
 * later change is logged and counted, and the state before it stays in force. A provider without its secret
 * is a warning: callers with keys of their own can still use it.
 */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { configPaths, logger } = options;
  // Once: the book ships with the program and cannot change under it.
  const priceBook = await loadPriceBook();
  const listeners = new Set<(snapshot: Snapshot) => void>();
  let credentialPaths: readonly string[] = [];
  let state: Loaded | null = null;
  let taken = 0;
  let refused = 0;

  const reload = async (): Promise<void> => {
    try {
      const next = await load(options, priceBook);
      ({ credentialPaths } = next);
      state = next;
      taken += 1;
      logger.info({ epoch: next.snapshot.epoch, reloads: taken }, 'configuration reloaded');
    } catch (error) {
      refused += 1;
      logger.error({ err: error, refused }, 'changed configuration refused, the one before stays in force');
      return;
    }
    for (const listener of listeners) listener(state.snapshot);
  };

  // The watch comes first: a change while the files are being read must not go unseen.
  const watch: FileWatch | null = options.watch
    ? await watchFiles({
        paths: () => [...configPaths, ...credentialPaths],
        intervalMs: options.watchIntervalMs ?? WATCH_INTERVAL_MS,
        onChange: reload,
      })
    : null;
  let first: Loaded;
  try {
    first = await load(options, priceBook);
  } catch (error) {
    await watch?.close();
    throw error;
  }
  // A reload that overtook the first load knows better.
  if (state === null) ({ credentialPaths } = first);

  return {
    snapshot: () => (state ?? first).snapshot,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reloads: () => ({ taken, refused }),
    close: async () => watch?.close(),
  };
}

interface Loaded {
  readonly snapshot: Snapshot;
  /** The files behind `file:` credentials. */
  readonly credentialPaths: readonly string[];
}

async function load(options: ControlOptions, priceBook: PriceBook): Promise<Loaded> {
  const { configPaths, bundlesFolder, readSecret, logger } = options;
  const config = await loadConfig(configPaths);
  const terms = await keepTerms(config, { bundlesFolder, priceBook, draftSuffix: randomUUID() });
  const credentials = await readCredentials(config, readSecret);
  for (const [name, { credential }] of Object.entries(config.providers)) {
    if (credential !== undefined && !credentials.has(name)) {
      logger.warn(
        { provider: name },
        'provider has no secret behind its credential: only own keys (BYOK) work',
      );
    }
  }
  return { snapshot: buildSnapshot(config, terms, credentials), credentialPaths: secretFiles(config) };
}

async function readCredentials(config: ConfigFile, readSecret: SecretReader): Promise<Map<string, string>> {
  const credentials = new Map<string, string>();
  for (const [name, { credential }] of Object.entries(config.providers)) {
    const secret = credential === undefined ? null : await readSecret(credential);
    if (secret !== null) credentials.set(name, secret);
  }
  return credentials;
}

function secretFiles(config: ConfigFile): string[] {
  return Object.values(config.providers).flatMap(({ credential }) =>
    credential?.startsWith('file:') ? [credential.slice('file:'.length)] : [],
  );
}
