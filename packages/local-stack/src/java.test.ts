import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findJava, findMaven, javaMajor } from './java.ts';

const root = mkdtempSync(join(tmpdir(), 'java-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A Java home whose runtime calls itself that version. */
function fakeJava(name: string, version: string): string {
  const home = join(root, name);
  mkdirSync(join(home, 'bin'), { recursive: true });
  const script = `#!/bin/sh\necho 'openjdk version "${version}" 2026-01-01' >&2\n`;
  writeFileSync(join(home, 'bin', 'java'), script, { mode: 0o755 });
  return home;
}

it('prefers the runtime of JAVA_HOME to one on PATH', async () => {
  const home = fakeJava('home', '25.0.1');
  const path = join(fakeJava('path', '17.0.15'), 'bin');
  expect(await findJava({ JAVA_HOME: home, PATH: path })).toBe(join(home, 'bin', 'java'));
  expect(await findJava({ PATH: `${root}:${path}` })).toBe(join(path, 'java'));
  expect(await findJava({ JAVA_HOME: '', PATH: path })).toBe(join(path, 'java'));
});

it('says what to install when there is no Java', async () => {
  await expect(findJava({ PATH: root })).rejects.toMatchObject({
    code: 'java_missing',
    retryable: false,
    message: expect.stringMatching(/apt-get install openjdk-17-jre-headless.*JAVA_HOME/),
  });
});

it('says so when JAVA_HOME holds no Java, rather than taking another one', async () => {
  const path = join(fakeJava('path', '17.0.15'), 'bin');
  await expect(findJava({ JAVA_HOME: join(root, 'empty'), PATH: path })).rejects.toMatchObject({
    code: 'java_missing',
    message: expect.stringContaining(`JAVA_HOME=${join(root, 'empty')}`),
  });
});

it('refuses a Java that is too old', async () => {
  await expect(findJava({ JAVA_HOME: fakeJava('old', '1.8.0_402'), PATH: '' })).rejects.toMatchObject({
    code: 'java_too_old',
    message: expect.stringContaining('is Java 8'),
  });
});

it('says what to install when there is no Maven', async () => {
  await expect(findMaven({ PATH: root })).rejects.toMatchObject({
    code: 'maven_missing',
    message: expect.stringContaining('apt-get install maven'),
  });
});

it.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_402"', 8],
  ['openjdk version "25" 2025-09-16', 25],
  ['The operation could not be completed.', null],
])('reads the version of %s', (answer, major) => {
  expect(javaMajor(answer)).toBe(major);
});
