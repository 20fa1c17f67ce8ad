import { readSettings, type SettingSources, SettingsError, type SettingValues } from '@meterstone/runtime';
import { SETTINGS, type SettingsReader, VARIABLE_ONLY } from './settings.ts';

type Definition = (typeof SETTINGS)[number];

/** The definitions that a reader has. */
type DefinitionsOf<R extends SettingsReader, D = Definition> = D extends {
  services: readonly (infer Reader)[];
}
  ? R extends Reader
    ? D
    : never
  : never;

/** The settings of one reader, by name in camelCase: `settings.proxyPort`. Frozen. */
export type SettingsOf<R extends SettingsReader> = SettingValues<readonly DefinitionsOf<R>[]>;

/**
 * Reads the settings of one service. All definitions are checked, also those of other services: the same
 * environment is often given to all. SettingsError with every problem at once.
 */
export function settingsFor<R extends SettingsReader>(reader: R, sources: SettingSources): SettingsOf<R> {
  const misplaced = Object.keys(sources.yaml ?? {})
    .filter((name) => VARIABLE_ONLY.has(name))
    .map((name) => `settings.${name}: only as a variable (METERSTONE_${name.toUpperCase()}), not in YAML`);
  const values = readAll(sources, misplaced);
  const own = SETTINGS.filter(({ services }: { services: readonly string[] }) => services.includes(reader));
  const names = new Set(own.map(({ name }) => camelCase(name)));
  const picked = Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
  // `picked` holds exactly the values whose definitions list this reader, which the type spells out.
  return Object.freeze(picked) as SettingsOf<R>;
}

/** Runtime's problems and ours in one error, so that nobody has to start the service twice to see them all. */
function readAll(sources: SettingSources, misplaced: readonly string[]): SettingValues<typeof SETTINGS> {
  try {
    const values = readSettings(SETTINGS, sources);
    if (misplaced.length > 0) throw new SettingsError(misplaced);
    return values;
  } catch (error) {
    if (!(error instanceof SettingsError) || error.problems === misplaced) throw error;
    throw new SettingsError([...misplaced, ...error.problems]);
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
