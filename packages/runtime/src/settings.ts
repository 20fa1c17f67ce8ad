import { SettingsError } from './errors.ts';
import { parseSetting, type SettingDefinition, type SettingKind } from './setting-definition.ts';

/** The values of a list of definitions, by their names in camelCase (`proxy_port` is `proxyPort`). */
export type SettingValues<D extends readonly SettingDefinition[]> = {
  readonly [K in D[number] as CamelCase<K['name']>]: ValueOf<K>;
};

export interface SettingSources {
  /** Environment variables. An empty one counts as absent, as compose files write them. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The `settings:` map of the YAML file by name; `null` or `undefined` where there is none. */
  readonly yaml?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * Reads every defined setting: variable beats YAML beats default. The definitions are the whole list of the
 * product, since a variable with its prefix (or a YAML key) that none defines is a problem.
 * Throws SettingsError with all problems at once; the values are frozen.
 */
export function readSettings<const D extends readonly SettingDefinition[]>(
  definitions: D,
  { env, yaml }: SettingSources,
): SettingValues<D> {
  const problems = unknownNames(definitions, { env, yaml });
  const values: Record<string, unknown> = {};
  for (const definition of definitions) {
    const { place, given } = find(definition, { env, yaml });
    const result = given === undefined ? { value: definition.default } : parseSetting(definition, given);
    if ('problem' in result) {
      problems.push(`${place}: ${result.problem}`);
      continue;
    }
    values[toCamelCase(definition.name)] = result.value;
  }
  if (problems.length > 0) {
    throw new SettingsError(problems);
  }
  // Every definition has put a value of its own kind under its own name, which the type above spells out.
  return Object.freeze(values) as SettingValues<D>;
}

function find(
  { name, variable }: SettingDefinition,
  { env, yaml }: SettingSources,
): { place: string; given: unknown } {
  const fromEnv = env[variable];
  if (fromEnv !== undefined && fromEnv !== '') {
    return { place: variable, given: fromEnv };
  }
  return { place: `settings.${name}`, given: yaml?.[name] ?? undefined };
}

function unknownNames(definitions: readonly SettingDefinition[], { env, yaml }: SettingSources): string[] {
  const variables = new Set(definitions.map(({ variable }) => variable));
  const names = new Set(definitions.map(({ name }) => name));
  const prefixes = new Set(definitions.map(({ variable }) => variable.slice(0, variable.indexOf('_') + 1)));
  const strayVariables = Object.keys(env).filter(
    (variable) => !variables.has(variable) && [...prefixes].some((prefix) => variable.startsWith(prefix)),
  );
  const strayNames = Object.keys(yaml ?? {}).filter((name) => !names.has(name));
  return [
    ...strayVariables.map((variable) => `${variable}: no setting has this name`),
    ...strayNames.map((name) => `settings.${name}: no setting has this name`),
  ];
}

function toCamelCase(name: string): string {
  return name.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase());
}

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type ValueOf<D extends SettingDefinition> =
  | (D extends { type: 'choice'; choices: readonly (infer Choice)[] } ? Choice : SettingKind[D['type']])
  | (D['default'] extends null ? null : never);
