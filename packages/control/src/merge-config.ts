import type { ConfigFile, KeyConfig, OrgConfig } from './config-schema.ts';

/**
 * Several files as one, later files winning by name. Settings, users, rate plans and the single facts of an
 * org are merged one by one, keys by their id. A provider is replaced whole: mixing one file's address with
 * another's credential would send the credential to the wrong server.
 */
export function mergeConfig(files: readonly ConfigFile[]): ConfigFile {
  return files.reduce<ConfigFile>(
    (merged, file) => ({
      settings: { ...merged.settings, ...file.settings },
      providers: { ...merged.providers, ...file.providers },
      orgs: mergeOrgs(merged.orgs, file.orgs),
    }),
    { settings: {}, providers: {}, orgs: {} },
  );
}

function mergeOrgs(first: ConfigFile['orgs'], second: ConfigFile['orgs']): ConfigFile['orgs'] {
  const merged = { ...first };
  for (const [id, org] of Object.entries(second)) {
    const earlier = merged[id];
    merged[id] = earlier === undefined ? org : mergeOrg(earlier, org);
  }
  return merged;
}

function mergeOrg(earlier: OrgConfig, later: OrgConfig): OrgConfig {
  return {
    ...earlier,
    ...later,
    users: { ...earlier.users, ...later.users },
    rate_plans: { ...earlier.rate_plans, ...later.rate_plans },
    keys: mergeKeys(earlier.keys, later.keys),
  };
}

function mergeKeys(earlier: readonly KeyConfig[], later: readonly KeyConfig[]): KeyConfig[] {
  const replaced = new Set(later.map((key) => key.id));
  return [...earlier.filter((key) => !replaced.has(key.id)), ...later];
}
