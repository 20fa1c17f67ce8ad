import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecretReader, openControl } from '@meterstone/control';
import type { RatingTerms } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { stringify } from 'yaml';
import { ORG_IDS } from './sent-event.ts';

/** The configuration of a pipeline under test. */
export interface PipelineConfig {
  readonly configPath: string;
  readonly userKeySecret: string;
  /** Meterstone key by org. */
  readonly keys: ReadonlyMap<string, string>;
  /** What the services rate with. */
  readonly terms: RatingTerms;
}

const PLANS = {
  starter: [{ from: '2025-01-01', multiplier: '1.6', fee_per_request: '0.001' }],
  pro: [{ from: '2025-01-01', multiplier: '1.25', markup_per_million_tokens: '0.5' }],
};

/** Writes a configuration with two orgs under different plans, whose requests go to the given provider. */
export async function writePipelineConfig(folder: string, providerUrl: string): Promise<PipelineConfig> {
  mkdirSync(folder, { recursive: true });
  const keys = new Map(
    ORG_IDS.map((orgId) => [orgId as string, `mst_${randomBytes(32).toString('base64url')}`]),
  );
  const credentialPath = join(folder, 'provider-key');
  writeFileSync(credentialPath, 'sk-integrity-provider-secret');
  const secretPath = join(folder, 'user-key-secret');
  writeFileSync(secretPath, randomBytes(32).toString('hex'));
  const configPath = join(folder, 'meterstone.yaml');
  const provider = (kind: string) => ({ kind, base_url: providerUrl, credential: `file:${credentialPath}` });
  writeFileSync(
    configPath,
    stringify({
      providers: { openai: provider('openai'), anthropic: provider('anthropic') },
      orgs: Object.fromEntries(
        ORG_IDS.map((orgId, index) => [
          orgId,
          {
            plan: index === 0 ? 'starter' : 'pro',
            users: { 'customer-1': 'pro' },
            rate_plans: PLANS,
            keys: [
              {
                id: `key_${orgId}`,
                name: 'backend',
                sha256: createHash('sha256')
                  .update(keys.get(orgId) ?? '')
                  .digest('hex'),
                scopes: ['proxy'],
              },
            ],
          },
        ]),
      ),
    }),
  );
  const control = await openControl({
    configPaths: [configPath],
    bundlesFolder: join(folder, 'bundles-of-the-harness'),
    readSecret: createSecretReader({}),
    logger: createLogger({ service: 'integrity', level: 'silent' }),
    watch: false,
  });
  const { terms } = control.snapshot();
  await control.close();
  return { configPath, userKeySecret: `file:${secretPath}`, keys, terms };
}
