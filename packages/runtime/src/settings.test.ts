import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { SettingsError } from './errors.ts';
import type { SettingDefinition } from './setting-definition.ts';
import { readSettings } from './settings.ts';

const common = { unit: null, doc: 'For tests.', services: ['test'] } as const;
const DEFINITIONS = [
  {
    ...common,
    name: 'proxy_port',
    variable: 'APP_PROXY_PORT',
    type: 'integer',
    unit: 'port',
    default: 4000,
    min: 1,
    max: 65_535,
  },
  { ...common, name: 'folder', variable: 'APP_FOLDER', type: 'text', default: '.app', min: 1, max: 20 },
  {
    ...common,
    name: 'brokers',
    variable: 'APP_BROKERS',
    type: 'list',
    default: ['127.0.0.1:9092'],
    min: 1,
    max: 3,
  },
  { ...common, name: 'demo', variable: 'APP_DEMO', type: 'flag', default: true },
  {
    ...common,
    name: 'stack',
    variable: 'APP_STACK',
    type: 'choice',
    choices: ['embedded', 'docker'],
    default: null,
  },
  {
    ...common,
    name: 'store_password',
    variable: 'APP_STORE_PASSWORD',
    type: 'text',
    default: null,
    min: 3,
    max: 9,
    secret: true,
  },
] as const satisfies readonly SettingDefinition[];

function problemsOf(env: Record<string, string>, yaml: Record<string, unknown> = {}): readonly string[] {
  try {
    readSettings(DEFINITIONS, { env, yaml });
  } catch (error) {
    if (error instanceof SettingsError) {
      return error.problems;
    }
    throw error;
  }
  return [];
}

describe('readSettings', () => {
  it('takes the defaults where nothing is given, null where there is none', () => {
    expect(readSettings(DEFINITIONS, { env: { PATH: '/bin' }, yaml: null })).toEqual({
      proxyPort: 4000,
      folder: '.app',
      brokers: ['127.0.0.1:9092'],
      demo: true,
      stack: null,
      storePassword: null,
    });
  });

  it('knows the type of each value', () => {
    const values = readSettings(DEFINITIONS, { env: {} });
    expectTypeOf(values.proxyPort).toEqualTypeOf<number>();
    expectTypeOf(values.brokers).toEqualTypeOf<readonly string[]>();
    expectTypeOf(values.stack).toEqualTypeOf<'embedded' | 'docker' | null>();
    expectTypeOf(values.storePassword).toEqualTypeOf<string | null>();
    expect(Object.isFrozen(values)).toBe(true);
  });

  it('lets the variable beat YAML and YAML beat the default', () => {
    const yaml = { proxy_port: 1, folder: 'from-yaml', brokers: ['a:1', 'b:2'], demo: false };
    const values = readSettings(DEFINITIONS, { env: { APP_PROXY_PORT: '2' }, yaml });
    expect(values).toMatchObject({
      proxyPort: 2,
      folder: 'from-yaml',
      brokers: ['a:1', 'b:2'],
      demo: false,
    });
  });

  it('reads every type from the text of a variable', () => {
    const env = { APP_BROKERS: 'a:1, b:2', APP_DEMO: 'false', APP_STACK: 'docker', APP_FOLDER: '7' };
    expect(readSettings(DEFINITIONS, { env })).toMatchObject({
      brokers: ['a:1', 'b:2'],
      demo: false,
      stack: 'docker',
      folder: '7',
    });
  });

  it('treats an empty variable and an empty YAML entry as absent', () => {
    expect(readSettings(DEFINITIONS, { env: { APP_FOLDER: '' }, yaml: { demo: null } })).toMatchObject({
      folder: '.app',
      demo: true,
    });
  });

  it('reports all problems at once, each with its place', () => {
    const env = { APP_PROXY_PORT: '70000', APP_DEMO: 'yes', APP_TYPO: '1' };
    const yaml = { folder: 7, brokers: ['a:1', 'b:2', 'c:3', 'd:4'], stack: 'podman', typo: 1 };
    expect(problemsOf(env, yaml)).toEqual([
      'APP_TYPO: no setting has this name',
      'settings.typo: no setting has this name',
      'APP_PROXY_PORT: "70000" is outside 1 to 65535 (port)',
      'settings.folder: 7 is not text (put it in quotes)',
      'settings.brokers: ["a:1","b:2","c:3","d:4"] has 4 entries, allowed are 1 to 3',
      'APP_DEMO: "yes" is neither true nor false',
      'settings.stack: "podman" is none of embedded, docker',
    ]);
  });

  it.each([['1.5'], ['1e3'], [' 1'], ['0x10'], ['99999999999999999'], ['-'], [Number.NaN], [true]])(
    'refuses %s as a whole number',
    (given) => {
      expect(problemsOf({}, { proxy_port: given })).toHaveLength(1);
    },
  );

  it('refuses a list with an empty entry and one of other values than text', () => {
    expect(problemsOf({ APP_BROKERS: 'a:1,' })).toEqual(['APP_BROKERS: "a:1," has an empty entry']);
    expect(problemsOf({}, { brokers: [1] })).toHaveLength(1);
  });

  it('never prints the value of a secret', () => {
    expect(problemsOf({ APP_STORE_PASSWORD: 'x' })).toEqual([
      'APP_STORE_PASSWORD: the value given has 1 characters, allowed are 3 to 9',
    ]);
  });

  it('reads back every whole number inside the bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
        expect(readSettings(DEFINITIONS, { env: { APP_PROXY_PORT: String(port) } }).proxyPort).toBe(port);
      }),
    );
  });
});
