import { describe, expect, it } from 'vitest';
import { formatProblem } from './config-problem.ts';
import { readConfigText } from './config-text.ts';

function problemsOf(text: string): string[] {
  return readConfigText('meterstone.yaml', text).problems.map(formatProblem);
}

const HASH = 'ab'.repeat(32);

describe('readConfigText', () => {
  it('reads a whole file', () => {
    const { config, problems } = readConfigText(
      'meterstone.yaml',
      `settings: { proxy_port: 4001 }
providers:
  openai: { kind: openai, base_url: "https://api.openai.com/", credential: env:OPENAI_API_KEY }
orgs:
  acme:
    name: Acme
    plan: starter
    credit: "100.00"
    users: { customer-7: starter }
    rate_plans:
      starter: [{ from: 2026-01-01, multiplier: "1.2" }]
    keys:
      - { id: key_backend, name: backend, sha256: ${HASH.toUpperCase()}, scopes: [proxy], project: chat }
`,
    );
    expect(problems).toEqual([]);
    expect(config?.providers['openai']?.base_url).toBe('https://api.openai.com');
    expect(config?.orgs['acme']?.keys[0]?.sha256).toBe(HASH);
    expect(config?.orgs['acme']?.rate_plans['starter']).toEqual([
      { from: '2026-01-01', multiplier: '1.2', markup_per_million_tokens: '0', fee_per_request: '0' },
    ]);
  });

  it('takes an empty file as an empty configuration', () => {
    expect(readConfigText('a.yaml', '').config).toEqual({ settings: {}, providers: {}, orgs: {} });
    expect(readConfigText('a.yaml', '# only a comment\n').problems).toEqual([]);
  });

  it('reports every fault at once, each with the line of the faulty entry', () => {
    const problems = problemsOf(`providers:
  openai:
    kind: opnai
    base_url: https://user:password@api.openai.com
    credential: sk-123
    api_key: x
orgs:
  acme:
    credit: 100
    rate_plans:
      starter:
        - { from: 2026-02-30, multiplier: "1,2" }
    keys:
      - id: key_backend
        name: backend
        sha256: abc
        scopes: [prxy]
`);
    const sorted = problems.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    expect(sorted).toEqual([
      expect.stringMatching(/^meterstone\.yaml:3: providers\.openai\.kind: must be one of openai, /),
      'meterstone.yaml:4: providers.openai.base_url: must be an http(s) URL without user, query or fragment',
      'meterstone.yaml:5: providers.openai.credential: must be env:NAME or file:PATH, never the secret itself',
      'meterstone.yaml:6: providers.openai.api_key: unknown key',
      expect.stringMatching(/^meterstone\.yaml:9: orgs\.acme\.credit: write the amount in quotes/),
      'meterstone.yaml:12: orgs.acme.rate_plans.starter[0].from: no such day or time',
      expect.stringMatching(/^meterstone\.yaml:12: orgs\.acme\.rate_plans\.starter\[0\]\.multiplier: /),
      expect.stringMatching(/^meterstone\.yaml:16: orgs\.acme\.keys\[0\]\.sha256: must be 64 hexadecimal/),
      'meterstone.yaml:17: orgs.acme.keys[0].scopes[0]: must be one of proxy, ingest, report, admin',
    ]);
  });

  it('places a missing key at the entry that lacks it', () => {
    expect(problemsOf('providers:\n  openai:\n    kind: openai\n')).toEqual([
      expect.stringMatching(/^meterstone\.yaml:2: providers\.openai\.base_url: /),
    ]);
  });

  it('never repeats a secret written where a reference belongs', () => {
    const text = 'providers: { openai: { kind: openai, base_url: "https://a", credential: sk-very-secret } }';
    expect(problemsOf(text).join()).not.toContain('very-secret');
  });

  it('reports broken YAML and a key written twice with their lines', () => {
    expect(problemsOf('orgs:\n  acme: [1\n')[0]).toMatch(/^meterstone\.yaml:\d+: /);
    expect(problemsOf('orgs:\n  acme: {}\n  acme: {}\n')).toEqual([
      expect.stringMatching(/^meterstone\.yaml:3: .*unique/),
    ]);
  });

  it('refuses an alias without an anchor and a file that aliases blow up', () => {
    expect(problemsOf('orgs: *nobody')).toHaveLength(1);
    const levels = Array.from({ length: 9 }, (_, i) => `  l${i}: &l${i} [${`*l${i - 1}, `.repeat(9)}]`).slice(
      1,
    );
    expect(problemsOf(`settings:\n  l0: &l0 [x]\n${levels.join('\n')}`)).toHaveLength(1);
  });

  it('refuses names that would not survive a path, a header or an object', () => {
    expect(problemsOf('orgs: { "a/b": {} }')).toEqual([expect.stringMatching(/a name starts with a letter/)]);
    expect(problemsOf(`orgs: { ${'x'.repeat(65)}: {} }`)).toHaveLength(1);
  });
});
