import { createHash } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ControlError } from './errors.ts';

/** The text of a bundle and its name. */
export interface Bundle {
  /** 32 hex digits, the first half of the SHA-256 of `text`. */
  readonly epoch: string;
  readonly text: string;
}

const EPOCH_PATTERN = /^[0-9a-f]{32}$/;

/** Names a bundle by its content. */
export function toBundle(text: string): Bundle {
  return { epoch: createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 32), text };
}

/**
 * Keeps a bundle in the folder as `<epoch>.json`, on disk before it returns: rows that name it may follow.
 * A bundle that is there is never overwritten; `bundle_damaged` when its content is not what its name says.
 */
export async function keepBundle(folder: string, bundle: Bundle, uniqueSuffix: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = bundlePath(folder, bundle.epoch);
  const draft = `${path}.${uniqueSuffix}.tmp`;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(bundle.text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // `link` fails where the name is taken, so that services starting at once cannot overwrite each other,
    // and no reader ever sees half a bundle under its name.
    await link(draft, path);
  } catch (cause) {
    if (!isCode(cause, 'EEXIST')) throw cause;
    await readBundle(folder, bundle.epoch);
  } finally {
    await rm(draft, { force: true });
  }
}

/** The text of a kept bundle, checked against its name; `bundle_missing` or `bundle_damaged`. */
export async function readBundle(folder: string, epoch: string): Promise<string> {
  if (!EPOCH_PATTERN.test(epoch)) throw missingBundle(folder, epoch);
  const text = await readFile(bundlePath(folder, epoch), 'utf8').catch((cause: unknown) => {
    if (isCode(cause, 'ENOENT')) throw missingBundle(folder, epoch);
    throw cause;
  });
  if (toBundle(text).epoch !== epoch) throw damagedBundle(folder, epoch);
  return text;
}

/** The error for a bundle whose content cannot be what was written. */
export function damagedBundle(folder: string, epoch: string, cause?: unknown): ControlError {
  return new ControlError(`The bundle ${bundlePath(folder, epoch)} is damaged; restore it from a copy`, {
    code: 'bundle_damaged',
    retryable: false,
    cause,
  });
}

/** The error for an epoch whose terms are not there, in whole or in part. */
export function missingBundle(folder: string, epoch: string, why = 'no such bundle'): ControlError {
  return new ControlError(`Rows of epoch ${epoch} cannot be replayed from ${folder}: ${why}`, {
    code: 'bundle_missing',
    retryable: false,
  });
}

function bundlePath(folder: string, epoch: string): string {
  return join(folder, `${epoch}.json`);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
