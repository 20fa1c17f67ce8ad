import { hash } from 'node:crypto';
import type { ApiKey, Snapshot } from '@meterstone/control';
import { ProxyError } from '../errors.ts';
import type { RequestHeaders } from './headers.ts';

/** Finds the API key of a request; ProxyError `missing_api_key`, `invalid_api_key` or `missing_scope`. */
export type Authenticate = (headers: RequestHeaders) => ApiKey;

/**
 * Authenticates against one snapshot. A key's SHA-256 is worked out once: keys that the snapshot knows are
 * remembered, at most `rememberedMax` of them, and forgotten with the snapshot; unknown ones never are, so that
 * nobody can fill the memory with guesses.
 */
export function createAuthenticate(
  snapshot: Pick<Snapshot, 'keyByHash'>,
  rememberedMax: number,
): Authenticate {
  const remembered = new Map<string, ApiKey>();
  return ({ key, credentials }) => {
    if (key === null) {
      throw credentials.length === 0 ? missing() : unknown();
    }
    const known = remembered.get(key);
    const found = known ?? snapshot.keyByHash(hash('sha256', key, 'hex'));
    if (found === undefined) {
      throw unknown();
    }
    if (!found.scopes.has('proxy') && !found.scopes.has('admin')) {
      throw new ProxyError('missing_scope', 'this key lacks the scope "proxy"');
    }
    if (known === undefined && remembered.size < rememberedMax) {
      remembered.set(key, found);
    }
    return found;
  };
}

function missing(): ProxyError {
  return new ProxyError(
    'missing_api_key',
    'send a Meterstone key (mst_…) where the SDK puts its key, or in x-meterstone-key beside your own',
  );
}

function unknown(): ProxyError {
  return new ProxyError('invalid_api_key', 'this is not a Meterstone key that is known here');
}
