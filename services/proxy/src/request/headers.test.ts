import { describe, expect, it } from 'vitest';
import { sortHeaders } from './headers.ts';

describe('sorting headers', () => {
  it('takes the first Meterstone key where SDKs put theirs, and passes none of them on', () => {
    const { key, keyApart, credentials, passed } = sortHeaders([
      ...['x-api-key', 'mst_first', 'authorization', 'Bearer mst_second', 'api-key', 'own'],
    ]);
    expect({ key, keyApart, credentials, passed }).toEqual({
      key: 'mst_first',
      keyApart: false,
      credentials: ['api-key', 'own'],
      passed: ['accept-encoding', 'identity'],
    });
  });

  it('prefers the key that comes apart, wherever it stands', () => {
    const raw = ['authorization', 'Bearer sk-own', 'x-meterstone-key', 'mst_apart', 'x-api-key', 'mst_other'];
    expect(sortHeaders(raw)).toMatchObject({
      key: 'mst_apart',
      keyApart: true,
      credentials: ['authorization', 'Bearer sk-own'],
    });
    expect(sortHeaders(['x-api-key', 'mst_other', 'x-meterstone-key', 'mst_apart']).key).toBe('mst_apart');
  });

  it('drops what connection names, in any case', () => {
    const { passed } = sortHeaders(['X-A', '1', 'Connection', 'x-a , Close', 'x-b', '2']);
    expect(passed).toEqual(['x-b', '2', 'accept-encoding', 'identity']);
  });

  it('joins tags given in several headers', () => {
    const raw = ['ai-reporting-tags', 'a,b', 'AI-Reporting-Tags', 'c'];
    expect(sortHeaders(raw).own['ai-reporting-tags']).toBe('a,b,c');
  });

  it.each(['ai-reporting-user', 'meterstone-plan', 'x-meterstone-key'])('refuses %s given twice', (name) => {
    expect(() => sortHeaders([name, 'a', name.toUpperCase(), 'b'])).toThrow(
      expect.objectContaining({ code: 'invalid_header' }),
    );
  });
});
