import { readFile } from 'node:fs/promises';
import { checkConfig } from './check-config.ts';
import type { ConfigProblem } from './config-problem.ts';
import type { ConfigFile } from './config-schema.ts';
import { type ConfigText, readConfigText } from './config-text.ts';
import { invalidConfig } from './errors.ts';
import { mergeConfig } from './merge-config.ts';

/** Room for about 40,000 keys or 200,000 users; beyond it a file was named by mistake. */
const CONFIG_FILE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads, checks and merges the files in their order. ControlError `invalid_config` with all problems of all
 * files; the rules between entries are only checked when every file is whole by itself.
 */
export async function loadConfig(paths: readonly string[]): Promise<ConfigFile> {
  const files = await Promise.all(paths.map(readConfigFile));
  const unreadable = files.filter((file): file is ConfigProblem => 'message' in file);
  const texts = files.filter((file): file is ConfigText => 'problems' in file);
  const problems = [...unreadable, ...texts.flatMap((text) => text.problems)];
  if (problems.length > 0) throw invalidConfig(problems);

  const merged = mergeConfig(texts.flatMap(({ config }) => (config === null ? [] : [config])));
  const crossing = checkConfig(merged, texts);
  if (crossing.length > 0) throw invalidConfig(crossing);
  return merged;
}

async function readConfigFile(file: string): Promise<ConfigText | ConfigProblem> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > CONFIG_FILE_BYTES_MAX) {
      return { file, line: null, path: '', message: `is over ${CONFIG_FILE_BYTES_MAX} bytes` };
    }
    return readConfigText(file, bytes.toString('utf8'));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const message =
      code === 'ENOENT' ? 'no such file; METERSTONE_CONFIG names the files' : `cannot be read (${code})`;
    return { file, line: null, path: '', message };
  }
}
