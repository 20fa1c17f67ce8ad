import { describe, expect, it } from 'vitest';
import { checkConfig } from './check-config.ts';
import { formatProblem } from './config-problem.ts';
import type { ConfigFile } from './config-schema.ts';
import { readConfigText } from './config-text.ts';
import { mergeConfig } from './merge-config.ts';

const hash = (digit: string): string => digit.repeat(64);

function check(...files: readonly string[]): string[] {
  const texts = files.map((text, index) => readConfigText(`${index + 1}.yaml`, text));
  expect(texts.flatMap((text) => text.problems)).toEqual([]);
  const configs = texts.map((text) => text.config).filter((config): config is ConfigFile => config !== null);
  return checkConfig(mergeConfig(configs), texts).map(formatProblem);
}

const key = (id: string, name: string, digit: string): string =>
  `{ id: ${id}, name: ${name}, sha256: "${hash(digit)}", scopes: [proxy] }`;

describe('checkConfig', () => {
  it('refuses a key id, a hash and a name that is taken', () => {
    expect(
      check(`orgs:
  acme:
    keys:
      - ${key('key_a', 'a', '1')}
      - ${key('key_b', 'a', '1')}
  globex:
    keys:
      - ${key('key_a', 'a', '2')}
`),
    ).toEqual([
      '1.yaml:5: orgs.acme.keys[1].sha256: must be unique; the key key_a has the same sha256',
      '1.yaml:5: orgs.acme.keys[1].name: must be unique; the key key_a has the same name',
      '1.yaml:8: orgs.globex.keys[0].id: must be unique; the key key_a has the same id',
    ]);
  });

  it('allows one key name in two orgs', () => {
    expect(
      check(
        `orgs: { acme: { keys: [${key('key_a', 'x', '1')}] }, b: { keys: [${key('key_b', 'x', '2')}] } }`,
      ),
    ).toEqual([]);
  });

  it('requires every plan that an org, a user or a key names, and takes it from any file', () => {
    const assigning = `orgs:
  acme:
    plan: gold
    users:
      customer-7: silver
    keys:
      - { id: k, name: k, sha256: "${hash('1')}", scopes: [proxy], plan: bronze }
`;
    expect(check(assigning, 'orgs: { acme: { rate_plans: { gold: [{ from: 2026-01-01 }] } } }')).toEqual([
      '1.yaml:5: orgs.acme.users.customer-7: no rate plan "silver" in this org; it has gold',
      '1.yaml:7: orgs.acme.keys[0].plan: no rate plan "bronze" in this org; it has gold',
    ]);
  });

  it('does not take an inherited property for a plan', () => {
    expect(check('orgs: { acme: { plan: constructor } }')).toHaveLength(1);
  });

  it('refuses two versions of a plan that start together, however written', () => {
    expect(
      check(`orgs:
  acme:
    rate_plans:
      gold:
        - { from: 2026-01-01 }
        - { from: 2026-01-01T00:00:00Z }
`),
    ).toEqual(['1.yaml:6: orgs.acme.rate_plans.gold[1].from: two versions of the plan start here']);
  });
});

describe('mergeConfig', () => {
  const read = (text: string): ConfigFile => readConfigText('x', text).config ?? mergeConfig([]);

  it('merges orgs fact by fact and keys by id, the later file winning', () => {
    const merged = mergeConfig([
      read(
        `orgs: { acme: { name: One, credit: "1", users: { a: x, b: x }, keys: [${key('k', 'k', '1')}, ${key('l', 'l', '2')}] } }`,
      ),
      read(`orgs: { acme: { name: Two, users: { b: y }, keys: [${key('k', 'k', '3')}] } }`),
    ]);
    expect(merged.orgs['acme']).toMatchObject({ name: 'Two', credit: '1', users: { a: 'x', b: 'y' } });
    expect(merged.orgs['acme']?.keys.map(({ id, sha256 }) => [id, sha256[0]])).toEqual([
      ['l', '2'],
      ['k', '3'],
    ]);
  });

  it('replaces a provider whole, so that no credential meets another address', () => {
    const merged = mergeConfig([
      read('providers: { openai: { kind: openai, base_url: "https://a", credential: env:A } }'),
      read('providers: { openai: { kind: openai, base_url: "https://b" } }'),
    ]);
    expect(merged.providers['openai']).toEqual({ kind: 'openai', base_url: 'https://b' });
  });
});
