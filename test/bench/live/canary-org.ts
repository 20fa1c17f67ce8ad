import { createHash } from 'node:crypto';
import { trafficConfig } from '../traffic/orgs.ts';

/** The org of the requests that are watched: apart from the load, so that its reports stay small. */
export const CANARY_ORG = 'canary';
export const CANARY_REPORT_KEY = 'mst_canary-report-key';

/** A key of the proxy, by which its requests are told apart in a report. */
interface CanaryKey {
  readonly id: string;
  readonly key: string;
}

/** Each is used in its turn, which comes round after seconds. */
const CANARY_KEYS_COUNT = 50;
export const CANARY_KEYS: readonly CanaryKey[] = Array.from({ length: CANARY_KEYS_COUNT }, (_, number) => ({
  id: `key_canary_${number}`,
  key: `mst_canary-proxy-key-${number}`,
}));

/** The traffic's configuration and that org. */
export function liveConfig(providerUrl: string): object {
  const config = trafficConfig(providerUrl) as { orgs: object }; // As that function writes it.
  const keys = [
    ...CANARY_KEYS.map((each) => ({ ...each, scope: 'proxy' })),
    { id: 'key_canary_report', key: CANARY_REPORT_KEY, scope: 'report' },
  ];
  const canary = {
    name: CANARY_ORG,
    keys: keys.map(({ id, key, scope }) => ({
      id,
      name: id,
      sha256: createHash('sha256').update(key).digest('hex'),
      scopes: [scope],
    })),
  };
  return { ...config, orgs: { ...config.orgs, [CANARY_ORG]: canary } };
}
