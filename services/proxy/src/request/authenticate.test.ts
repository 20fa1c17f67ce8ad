import { type ApiKey, hashKey } from '@meterstone/control';
import { describe, expect, it } from 'vitest';
import { createAuthenticate } from './authenticate.ts';
import { sortHeaders } from './headers.ts';

function keyWith(...scopes: ('proxy' | 'admin' | 'report')[]): ApiKey {
  return { id: 'key_a', name: 'a', orgId: 'acme', scopes: new Set(scopes), project: null, plan: null };
}

function authenticateWith(keys: Record<string, ApiKey>, rememberedMax = 10) {
  const hashes = new Map(Object.entries(keys).map(([key, value]) => [hashKey(key), value]));
  let lookUps = 0;
  const keyByHash = (hash: string) => {
    lookUps++;
    return hashes.get(hash);
  };
  const authenticate = createAuthenticate({ keyByHash }, rememberedMax);
  return {
    lookUps: () => lookUps,
    with: (key: string) => authenticate(sortHeaders(['x-meterstone-key', key])),
  };
}

describe('authenticating', () => {
  it('hashes a known key once, and an unknown one each time', () => {
    const key = keyWith('proxy');
    const keys = authenticateWith({ mst_a: key });
    expect([keys.with('mst_a'), keys.with('mst_a'), keys.lookUps()]).toEqual([key, key, 1]);
    expect(() => keys.with('mst_b')).toThrow(expect.objectContaining({ code: 'invalid_api_key' }));
    expect(() => keys.with('mst_b')).toThrow();
    expect(keys.lookUps()).toBe(3);
  });

  it('remembers no more keys than it may', () => {
    const keys = authenticateWith({ mst_a: keyWith('proxy'), mst_b: keyWith('proxy') }, 1);
    for (const key of ['mst_a', 'mst_b', 'mst_a', 'mst_b']) keys.with(key);
    expect(keys.lookUps()).toBe(3);
  });

  it('takes an admin key, and not one without the scope', () => {
    const keys = authenticateWith({ mst_a: keyWith('admin'), mst_r: keyWith('report') });
    expect(keys.with('mst_a').id).toBe('key_a');
    expect(() => keys.with('mst_r')).toThrow(expect.objectContaining({ code: 'missing_scope' }));
  });
});
