import { join } from 'node:path';
import { loadSettings, type SettingsOf } from '@meterstone/control';

/** What reporting is configured with: its settings, and where the bundles are kept. */
export interface ReportingConfig extends SettingsOf<'reporting'> {
  readonly bundlesFolder: string;
}

/** Reads settings and configuration files; throws with all problems at once. */
export async function readConfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<ReportingConfig> {
  const settings = await loadSettings('reporting', env);
  return Object.freeze({ ...settings, bundlesFolder: join(settings.folder, 'data', 'bundles') });
}
