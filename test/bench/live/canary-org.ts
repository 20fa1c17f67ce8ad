import { createHash } from 'node:crypto';
import { trafficConfig } from '../traffic/orgs.ts';

/** The org of the requests that are watched: apart from the load, so that its reports stay small. */
export const CANARY_ORG = 'canary';
export const CANARY_PROXY_KEY = 'mst_canary-proxy-key';
export const CANARY_REPORT_KEY = 'mst_canary-report-key';

/** The traffic's configuration and that org. */
export function liveConfig(providerUrl: string): object {
  const config = trafficConfig(providerUrl) as { orgs: object }; // As that function writes it.
  const keys = [
    { id: 'key_canary_proxy', key: CANARY_PROXY_KEY, scope: 'proxy' },
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
