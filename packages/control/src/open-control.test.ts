import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@meterstone/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepBundle, readBundle, toBundle } from './bundle.ts';
import { hashKey } from './key-hash.ts';
import { type Control, openControl } from './open-control.ts';
import { createSecretReader } from './secret.ts';
import { loadBundle } from './terms.ts';

let folder = '';
let logged: string[] = [];
let control: Control | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meterstone-control-'));
  logged = [];
});
afterEach(async () => {
  await control?.close();
  control = null;
  await rm(folder, { recursive: true });
});

function yaml(options: { fee?: string; key?: string; plan?: string; credential?: string } = {}): string {
  const { fee = '0', key = 'mst_one', plan = 'starter', credential = 'env:PROVIDER_KEY' } = options;
  return `settings: { proxy_port: 4001 }
providers:
  openai: { kind: openai, base_url: https://api.openai.com, credential: ${credential} }
orgs:
  acme:
    plan: ${plan}
    credit: "12.5"
    byok_fee_per_request: "0.0001"
    users: { customer-7: starter }
    rate_plans:
      starter: [{ from: 2026-01-01, multiplier: "1.2", fee_per_request: "${fee}" }]
    keys:
      - { id: key_a, name: a, sha256: ${hashKey(key)}, scopes: [proxy], project: chat, plan: starter }
      - { id: key_b, name: b, sha256: ${hashKey('mst_admin')}, scopes: [admin] }
`;
}

async function open(text: string, options: { watch?: boolean; env?: Record<string, string> } = {}) {
  const path = join(folder, 'meterstone.yaml');
  await writeFile(path, text);
  control = await openControl({
    configPaths: [path],
    bundlesFolder: join(folder, 'bundles'),
    readSecret: createSecretReader(options.env ?? {}),
    logger: createLogger({
      service: 'test',
      level: 'info',
      destination: { write: (line: string) => logged.push(line) },
    }),
    watch: options.watch ?? false,
    watchIntervalMs: 5,
  });
  return { control, path };
}

describe('openControl', () => {
  it('looks up keys by hash, providers and orgs by name', async () => {
    const { control } = await open(yaml(), { env: { PROVIDER_KEY: 'sk-secret' } });
    const snapshot = control.snapshot();
    expect(snapshot.keyByHash(hashKey('mst_one'))).toEqual({
      id: 'key_a',
      name: 'a',
      orgId: 'acme',
      scopes: new Set(['proxy']),
      project: 'chat',
      plan: 'starter',
    });
    expect(snapshot.keyByHash(hashKey('mst_admin'))?.scopes).toEqual(
      new Set(['proxy', 'ingest', 'report', 'admin']),
    );
    expect(snapshot.keyByHash(hashKey('mst_other'))).toBeUndefined();
    expect(snapshot.providers.get('openai')).toEqual({
      name: 'openai',
      kind: 'openai',
      baseUrl: 'https://api.openai.com',
      credential: 'sk-secret',
    });
    expect(snapshot.orgs.get('acme')).toMatchObject({ name: 'acme', creditBalance: 12_500_000_000_000n });
    expect(snapshot.settingsYaml).toEqual({ proxy_port: 4001 });
  });

  it('names the state by its terms alone: a new key keeps the epoch, a new fee changes it', async () => {
    const first = (await open(yaml())).control.snapshot().epoch;
    const newKey = (await open(yaml({ key: 'mst_two' }))).control.snapshot().epoch;
    const newFee = (await open(yaml({ fee: '0.001' }))).control.snapshot().epoch;
    expect(newKey).toBe(first);
    expect(newFee).not.toBe(first);
    expect((await readdir(join(folder, 'bundles'))).filter((name) => name.includes(first))).toHaveLength(1);
  });

  it('gives back the same terms from the kept bundle', async () => {
    const { epoch, terms } = (await open(yaml())).control.snapshot();
    const kept = await loadBundle(join(folder, 'bundles'), epoch);
    expect(kept.orgs).toEqual(terms.orgs);
    expect(kept.priceBook.version).toBe(terms.priceBook.version);
    expect(terms.orgs.get('acme')).toMatchObject({
      plan: 'starter',
      byokFeePerRequest: 100_000_000n,
      keyPlans: new Map([['key_a', 'starter']]),
      userPlans: new Map([['customer-7', 'starter']]),
    });
    expect(terms.providerKinds).toEqual(new Map([['openai', 'openai']]));
    await expect(loadBundle(join(folder, 'bundles'), '0'.repeat(32))).rejects.toMatchObject({
      code: 'bundle_missing',
    });
  });

  it('stops a replay whose price book is not this version’s, or whose bundle is no bundle', async () => {
    const bundles = join(folder, 'bundles');
    const { epoch } = (await open(yaml())).control.snapshot();
    const text = await readBundle(bundles, epoch);
    const older = toBundle(text.replace(/"price_book": "[^"]*"/, '"price_book": "older"'));
    await keepBundle(bundles, older, 'x');
    await expect(loadBundle(bundles, older.epoch)).rejects.toMatchObject({ code: 'bundle_missing' });
    const other = toBundle('{"format":2}');
    await keepBundle(bundles, other, 'x');
    await expect(loadBundle(bundles, other.epoch)).rejects.toMatchObject({ code: 'bundle_damaged' });
  });

  it('keeps no secret and no key hash in a bundle, and logs none', async () => {
    const { control } = await open(yaml(), { env: { PROVIDER_KEY: 'sk-secret' } });
    const { epoch } = control.snapshot();
    const text = await readBundle(join(folder, 'bundles'), epoch);
    expect(text + logged.join('')).not.toMatch(/sk-secret|[0-9a-f]{64}"/);
  });

  it('warns of a provider without its secret and leaves it usable for own keys', async () => {
    const { control } = await open(yaml());
    expect(control.snapshot().providers.get('openai')?.credential).toBeNull();
    expect(logged.join('')).toContain('"provider":"openai"');
  });

  it('refuses to open a faulty or missing configuration with all problems', async () => {
    await expect(open(yaml({ plan: 'gold', fee: '-1' }))).rejects.toMatchObject({ code: 'invalid_config' });
    const missing = openControl({
      configPaths: [join(folder, 'one.yaml'), join(folder, 'two.yaml')],
      bundlesFolder: folder,
      readSecret: createSecretReader({}),
      logger: createLogger({ service: 'test', level: 'silent' }),
      watch: true,
    });
    await expect(missing).rejects.toMatchObject({ code: 'invalid_config', problems: [{}, {}] });
  });

  it('takes over a changed file and tells its listeners', async () => {
    const { control, path } = await open(yaml(), { watch: true });
    const before = control.snapshot();
    const epochs: string[] = [];
    const unsubscribe = control.onChange(({ epoch }) => epochs.push(epoch));
    await writeFile(path, yaml({ fee: '0.002', key: 'mst_new' }));
    await vi.waitFor(() => expect(epochs.length).toBeGreaterThan(0));
    expect(control.snapshot().epoch).toBe(epochs.at(-1));
    expect(control.snapshot().keyByHash(hashKey('mst_new'))?.id).toBe('key_a');
    expect(before.keyByHash(hashKey('mst_new'))).toBeUndefined();
    unsubscribe();
    const told = epochs.length;
    await writeFile(path, yaml({ fee: '0.003' }));
    await vi.waitFor(() => expect(control.reloads().taken).toBeGreaterThan(told));
    expect(epochs).toHaveLength(told);
  });

  it('keeps the old state when the new file is broken, and takes the repaired one', async () => {
    const { control, path } = await open(yaml(), { watch: true });
    const { epoch } = control.snapshot();
    await writeFile(path, 'orgs: [broken');
    await vi.waitFor(() => expect(control.reloads().refused).toBeGreaterThan(0));
    expect(control.snapshot().epoch).toBe(epoch);
    expect(logged.join('')).toMatch(/refused.*stays in force/);
    await writeFile(path, yaml({ fee: '0.004' }));
    await vi.waitFor(() => expect(control.snapshot().epoch).not.toBe(epoch));
  });

  it('reads a credential file again when it changes', async () => {
    const secret = join(folder, 'provider-key');
    await writeFile(secret, 'old');
    const { control } = await open(yaml({ credential: `file:${secret}` }), { watch: true });
    expect(control.snapshot().providers.get('openai')?.credential).toBe('old');
    // The file counts as seen from the first look on, so it is changed until a change is seen.
    let version = 0;
    await vi.waitFor(async () => {
      version += 1;
      await writeFile(secret, `renewed ${version}`);
      expect(control.snapshot().providers.get('openai')?.credential).toMatch(/^renewed/);
    });
  });
});
