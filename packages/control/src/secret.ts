import { readFile } from 'node:fs/promises';
import { ControlError } from './errors.ts';

/**
 * The secret behind a reference `env:NAME` or `file:PATH`, without the white space around it; `null` = there is
 * none (no such variable or file, or it is empty). Never throws for a missing secret.
 */
export type SecretReader = (reference: string) => Promise<string | null>;

/** A user-key secret shorter than this could be searched for by brute force. */
const USER_KEY_SECRET_BYTES_MIN = 16;

/** Reads secrets from the environment given and from files; a relative path starts at the working folder. */
export function createSecretReader(env: Readonly<Record<string, string | undefined>>): SecretReader {
  return async (reference) => {
    if (reference.startsWith('env:')) return presentOrNull(env[reference.slice('env:'.length)]);
    if (reference.startsWith('file:')) return presentOrNull(await readText(reference.slice('file:'.length)));
    return null;
  };
}

/**
 * The secret that keys `userKey` hashes, as the UTF-8 bytes of the trimmed text, the same in every service:
 * a service with another secret would not find the users that the others stored. ControlError
 * `invalid_secret` when it is missing or under 16 bytes.
 */
export async function readUserKeySecret(reference: string, readSecret: SecretReader): Promise<Uint8Array> {
  const text = await readSecret(reference);
  const bytes = Buffer.from(text ?? '', 'utf8');
  if (bytes.length < USER_KEY_SECRET_BYTES_MIN) {
    throw new ControlError(
      `METERSTONE_USER_KEY_SECRET: ${reference} ${text === null ? 'is missing' : `is under ${USER_KEY_SECRET_BYTES_MIN} bytes`}`,
      { code: 'invalid_secret', retryable: false },
    );
  }
  return bytes;
}

function presentOrNull(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? null : trimmed;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Missing and unreadable are one fact here: the caller reports the reference, which names the path.
    return undefined;
  }
}
