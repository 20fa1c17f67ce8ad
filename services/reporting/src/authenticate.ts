import { type ApiKey, hashKey, type Snapshot } from '@meterstone/control';
import { ApiError } from './errors.ts';

/** A key is 256 random bits in text; what is longer is none, and is not worth hashing. */
const KEY_CHARACTERS_MAX = 256;

/**
 * The key that a request shows in `Authorization: Bearer`. ApiError `authentication_error` without a key or with
 * an unknown one, `forbidden` with a key that lacks the scope `report`.
 */
export function authenticate(snapshot: Snapshot, authorization: string | undefined): ApiKey {
  const key = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (key === undefined) {
    throw new ApiError(
      'authentication_error',
      'No API key. Send a Meterstone key with scope "report" in the header "Authorization: Bearer mst_…".',
    );
  }
  // Looking up the hash needs no comparison in constant time: what leaks is about the hash, not the key.
  const apiKey = key.length > KEY_CHARACTERS_MAX ? undefined : snapshot.keyByHash(hashKey(key));
  if (apiKey === undefined) {
    throw new ApiError(
      'authentication_error',
      'Unknown API key. It may have been revoked, or be of another server.',
    );
  }
  if (!apiKey.scopes.has('report')) {
    throw new ApiError(
      'forbidden',
      `The API key "${apiKey.name}" lacks the scope "report". Add it under keys in meterstone.yaml, or use another key.`,
    );
  }
  return apiKey;
}
