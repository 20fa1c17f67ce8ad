import { stringify } from 'yaml';
import type { DemoKeyName } from './scenario.ts';

/** SHA-256 of each key, hex: all that a configuration holds of a key. */
export interface LocalKeyHashes {
  readonly apiKey: string;
  readonly reportKey: string;
  readonly adminKey: string;
  readonly demo: Readonly<Record<DemoKeyName, string>>;
}

export const DEMO_ORG_ID = 'demo';

/**
 * The `meterstone.yaml` of the demo: one org that resells to three customers under two plans, and the keys
 * of the local pipeline. `credentialPath` is the file with the demo provider's key.
 */
export function demoConfigYaml(hashes: LocalKeyHashes, providerUrl: string, credentialPath: string): string {
  const credential = `file:${credentialPath}`;
  return stringify({
    providers: {
      openai: { kind: 'openai', base_url: providerUrl, credential },
      anthropic: { kind: 'anthropic', base_url: providerUrl, credential },
    },
    orgs: {
      [DEMO_ORG_ID]: {
        name: 'Demo',
        plan: 'internal',
        credit: '100.00',
        users: { globex: 'pro', initech: 'starter', umbrella: 'starter' },
        rate_plans: {
          // The team pays what the provider asks.
          internal: [{ from: '2025-01-01', multiplier: '1' }],
          // 60 % on list, and a tenth of a cent for each request.
          starter: [{ from: '2025-01-01', multiplier: '1.6', fee_per_request: '0.001' }],
          // 25 % on list, and half a dollar for each million tokens.
          pro: [{ from: '2025-01-01', multiplier: '1.25', markup_per_million_tokens: '0.5' }],
        },
        keys: [
          key('key_web', 'web', hashes.demo.web, ['proxy'], 'assistant'),
          key('key_digest', 'digest', hashes.demo.digest, ['proxy'], 'summaries'),
          key('key_research', 'research', hashes.demo.research, ['proxy'], 'research'),
          key('key_local', 'local', hashes.apiKey, ['proxy', 'ingest']),
          key('key_report', 'report', hashes.reportKey, ['report']),
          key('key_admin', 'admin', hashes.adminKey, ['proxy', 'ingest', 'report', 'admin']),
        ],
      },
    },
  });
}

function key(id: string, name: string, sha256: string, scopes: readonly string[], project?: string) {
  return { id, name, sha256, scopes, ...(project === undefined ? {} : { project }) };
}
