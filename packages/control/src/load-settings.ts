import { SettingsError } from '@meterstone/runtime';
import type { ConfigProblem } from './config-problem.ts';
import { ControlError, invalidConfig } from './errors.ts';
import { loadConfig } from './load-config.ts';
import { SETTINGS, type SettingsReader } from './settings.ts';
import { type SettingsOf, settingsFor } from './settings-for.ts';

/**
 * The settings of a service from its environment and from the files that `METERSTONE_CONFIG` names. ControlError
 * `invalid_config` with the faults of the files and of the environment together; SettingsError when only
 * settings are at fault.
 */
export async function loadSettings<R extends SettingsReader>(
  reader: R,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SettingsOf<R>> {
  try {
    const { settings } = await loadConfig(configPaths(env));
    return settingsFor(reader, { env, yaml: settings });
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    throw invalidConfig([...error.problems, ...environmentProblems(reader, env)]);
  }
}

/** Where the configuration stands, before any other setting can be read. */
function configPaths(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const given = env['METERSTONE_CONFIG'] ?? '';
  const standard: readonly string[] = SETTINGS.find((setting) => setting.name === 'config')?.default ?? [];
  return given.trim() === '' ? standard : given.split(',').map((path) => path.trim());
}

function environmentProblems(
  reader: SettingsReader,
  env: Readonly<Record<string, string | undefined>>,
): readonly ConfigProblem[] {
  try {
    settingsFor(reader, { env, yaml: null });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map((message) => ({ file: 'environment', line: null, path: '', message }));
  }
}
