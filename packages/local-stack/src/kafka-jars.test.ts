import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { fetchKafkaJars } from './kafka-jars.ts';

let root = '';
const lines: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kafka-jars-'));
  lines.length = 0;
});
afterEach(() => rmSync(root, { recursive: true }));

/** Options under which Maven is a script with that body. */
function withMaven(body: string): Parameters<typeof fetchKafkaJars>[0] {
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin', 'mvn'), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const PATH = [join(root, 'bin'), '/bin', '/usr/bin'].join(delimiter);
  const cacheFolder = join(root, 'cache');
  return { cacheFolder, env: { PATH }, clock: systemClock, onProgress: (line) => lines.push(line) };
}

/** Maven runs beside its pom, where the jars are to go into `lib`. */
const FETCH = 'mkdir lib && touch lib/a.jar';

it('fetches once, telling so, and takes them from the cache from then on', async () => {
  const options = withMaven(FETCH);
  const folder = await fetchKafkaJars(options);
  expect(readdirSync(folder)).toEqual(['a.jar']);
  expect(readdirSync(options.cacheFolder)).toHaveLength(1);
  expect(lines).toHaveLength(1);
  expect(await fetchKafkaJars({ ...options, env: { PATH: '' } })).toBe(folder);
  expect(lines).toHaveLength(1);
});

it('takes the folder of another process that was faster', async () => {
  const options = withMaven(FETCH);
  const [first, second] = await Promise.all([fetchKafkaJars(options), fetchKafkaJars(options)]);
  expect(second).toBe(first);
  expect(readdirSync(options.cacheFolder)).toHaveLength(1);
});

it('says what Maven said when it fails, and leaves nothing half done', async () => {
  const options = withMaven("echo '[ERROR] no route to the repository'; exit 1");
  await expect(fetchKafkaJars(options)).rejects.toMatchObject({
    code: 'fetch_failed',
    retryable: true,
    message: expect.stringMatching(/ended with status 1.*\[ERROR\] no route to the repository/s),
  });
  expect(readdirSync(options.cacheFolder)).toEqual([]);
});

it('removes what a killed fetch left, but not what one may be working in', async () => {
  const options = withMaven(FETCH);
  const [old, recent] = ['kafka-fetch-old', 'kafka-fetch-new'].map((name) => join(options.cacheFolder, name));
  for (const path of [old, recent]) mkdirSync(path ?? '', { recursive: true });
  utimesSync(old ?? '', 0, 0);
  await fetchKafkaJars(options);
  expect([old, recent].map((path) => existsSync(path ?? ''))).toEqual([false, true]);
});
