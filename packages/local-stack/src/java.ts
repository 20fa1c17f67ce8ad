import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { StackError } from './errors.ts';

/** The variables of the environment that matter here; absent and undefined are the same. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The oldest Java that runs Kafka 4 brokers (Kafka's documentation, "Java Version", read 2026-11-24). */
const JAVA_MAJOR_MIN = 17;

const JAVA_HINT = `install a Java runtime ${JAVA_MAJOR_MIN} or newer (Debian and Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17), or set JAVA_HOME to one`;
const MAVEN_HINT =
  "install Maven, which fetches Kafka's jars once (Debian and Ubuntu: apt-get install maven; macOS: brew install maven)";

/**
 * The path of the Java runtime: `JAVA_HOME`'s before one on `PATH`.
 *
 * Refuses with `java_missing` (also when JAVA_HOME is set and holds none: a wrong setting is said, not passed
 * over) or `java_too_old`.
 */
export async function findJava(env: Environment): Promise<string> {
  const home = env['JAVA_HOME'] ?? '';
  const java = home === '' ? await findOnPath('java', env) : join(home, 'bin', 'java');
  if (java === null) {
    throw new StackError('java_missing', `found no Java: ${JAVA_HINT}`, { retryable: false });
  }
  const version = await readVersion(java, env);
  if (version === null) {
    const from = home === '' ? '' : ` (from JAVA_HOME=${home})`;
    throw new StackError('java_missing', `${java}${from} does not run: ${JAVA_HINT}`, { retryable: false });
  }
  if (version < JAVA_MAJOR_MIN) {
    throw new StackError('java_too_old', `${java} is Java ${version}: ${JAVA_HINT}`, { retryable: false });
  }
  return java;
}

/** The path of Maven on `PATH`; refuses with `maven_missing`. */
export async function findMaven(env: Environment): Promise<string> {
  const maven = await findOnPath('mvn', env);
  if (maven === null)
    throw new StackError('maven_missing', `found no Maven: ${MAVEN_HINT}`, { retryable: false });
  return maven;
}

/** The major version in the answer of `java -version`; null when it holds none. Java 8 calls itself 1.8. */
export function javaMajor(answer: string): number | null {
  const found = /version "(\d+)(?:\.(\d+))?/.exec(answer);
  if (found === null) return null;
  const major = Number(found[1]);
  return major === 1 ? Number(found[2]) : major;
}

async function readVersion(java: string, env: Environment): Promise<number | null> {
  try {
    const { stderr, stdout } = await promisify(execFile)(java, ['-version'], { env: { ...env } });
    return javaMajor(stderr + stdout);
  } catch {
    return null;
  }
}

async function findOnPath(name: string, env: Environment): Promise<string | null> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder; the next one is asked.
    }
  }
  return null;
}
