import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashKey } from './key-hash.ts';
import { createSecretReader, readUserKeySecret } from './secret.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meterstone-secret-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('createSecretReader', () => {
  it('reads variables and files without the white space around', async () => {
    await writeFile(join(folder, 'key'), 'from-file\n');
    const readSecret = createSecretReader({ NAME: ' from-env ' });
    expect(await readSecret('env:NAME')).toBe('from-env');
    expect(await readSecret(`file:${join(folder, 'key')}`)).toBe('from-file');
  });

  it('gives null for what is missing, empty or no reference', async () => {
    await writeFile(join(folder, 'empty'), '\n');
    const readSecret = createSecretReader({ EMPTY: '' });
    for (const reference of [
      'env:EMPTY',
      'env:NONE',
      `file:${folder}/none`,
      `file:${folder}/empty`,
      'plain',
    ]) {
      expect(await readSecret(reference)).toBeNull();
    }
  });
});

describe('readUserKeySecret', () => {
  it('gives the bytes of the text, and refuses a short or missing secret without showing it', async () => {
    const readSecret = createSecretReader({ LONG: 'x'.repeat(16), SHORT: 'sesame' });
    expect(await readUserKeySecret('env:LONG', readSecret)).toEqual(Buffer.from('x'.repeat(16)));
    await expect(readUserKeySecret('env:SHORT', readSecret)).rejects.toMatchObject({
      code: 'invalid_secret',
    });
    await expect(readUserKeySecret('env:SHORT', readSecret)).rejects.not.toThrow(/sesame/);
    await expect(readUserKeySecret('env:NONE', readSecret)).rejects.toThrow(/env:NONE is missing/);
  });
});

describe('hashKey', () => {
  it('is SHA-256 in lower-case hex', () => {
    // FIPS 180-2, appendix B.1.
    expect(hashKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
