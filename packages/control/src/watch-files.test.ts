import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchFiles } from './watch-files.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meterstone-watch-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('watchFiles', () => {
  it('sees a file change, be replaced, go and come', async () => {
    const path = join(folder, 'a.yaml');
    await writeFile(path, 'one');
    let changes = 0;
    const watch = await watchFiles({
      paths: () => [path],
      intervalMs: 5,
      onChange: async () => {
        changes += 1;
      },
    });
    await writeFile(path, 'longer');
    await vi.waitFor(() => expect(changes).toBe(1));
    await writeFile(`${path}.new`, 'LONGER');
    await rename(`${path}.new`, path);
    await vi.waitFor(() => expect(changes).toBe(2));
    await rm(path);
    await vi.waitFor(() => expect(changes).toBe(3));
    await writeFile(path, 'back');
    await vi.waitFor(() => expect(changes).toBeGreaterThanOrEqual(4));
    await watch.close();
  });

  it('waits until a file is written whole', async () => {
    const path = join(folder, 'a.yaml');
    await writeFile(path, 'whole');
    const seen: string[] = [];
    let looks = 0;
    const watch = await watchFiles({
      // Between any two looks the file grows, until the tenth.
      paths: () => {
        looks += 1;
        if (looks > 1 && looks < 10) writeFileSync(path, 'x'.repeat(looks));
        return [path];
      },
      intervalMs: 5,
      onChange: async () => {
        seen.push(await readFile(path, 'utf8'));
      },
    });
    await vi.waitFor(() => expect(looks).toBeGreaterThan(15));
    await watch.close();
    expect(seen).toEqual(['x'.repeat(9)]);
  });

  it('takes a file that joins the list as seen, and stays silent after close', async () => {
    const path = join(folder, 'a.yaml');
    const other = join(folder, 'secret');
    await writeFile(other, 's');
    const paths = [path];
    let changes = 0;
    let looks = 0;
    const watch = await watchFiles({
      paths: () => {
        looks += 1;
        return [...paths];
      },
      intervalMs: 5,
      onChange: async () => {
        changes += 1;
      },
    });
    paths.push(other);
    await vi.waitFor(() => expect(looks).toBeGreaterThan(3));
    expect(changes).toBe(0);
    await watch.close();
    await writeFile(path, 'x');
    const before = looks;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([looks, changes]).toEqual([before, 0]);
  });
});
