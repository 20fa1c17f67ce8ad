import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepBundle, readBundle, toBundle } from './bundle.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meterstone-bundles-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('bundles', () => {
  it('are kept under the hash of their content and read back as they were', async () => {
    const bundle = toBundle('{"a":1}\n');
    await keepBundle(folder, bundle, 'one');
    expect(bundle.epoch).toMatch(/^[0-9a-f]{32}$/);
    expect(await readdir(folder)).toEqual([`${bundle.epoch}.json`]);
    expect(await readBundle(folder, bundle.epoch)).toBe('{"a":1}\n');
  });

  it('are not written again when they are there, also when several start at once', async () => {
    const bundle = toBundle('{}');
    await Promise.all(['a', 'b', 'c', 'd'].map((suffix) => keepBundle(folder, bundle, suffix)));
    expect(await readdir(folder)).toEqual([`${bundle.epoch}.json`]);
  });

  it('are never overwritten: a damaged one is an error', async () => {
    const bundle = toBundle('{"price":"1"}');
    const path = join(folder, `${bundle.epoch}.json`);
    await writeFile(path, '{"price":"2"}');
    await expect(keepBundle(folder, bundle, 'x')).rejects.toMatchObject({ code: 'bundle_damaged' });
    await expect(readBundle(folder, bundle.epoch)).rejects.toMatchObject({ code: 'bundle_damaged' });
    expect(await readFile(path, 'utf8')).toBe('{"price":"2"}');
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('are missing loudly, and no epoch leads out of the folder', async () => {
    for (const epoch of ['0'.repeat(32), '../secret', '', 'A'.repeat(32)]) {
      await expect(readBundle(folder, epoch)).rejects.toMatchObject({ code: 'bundle_missing' });
    }
  });
});
