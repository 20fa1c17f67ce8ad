import { type ProviderKind, parseAmount, type RatingTerms } from '@meterstone/metering';
import { type ConfigFile, type KeyConfig, type OrgConfig, SCOPES, type Scope } from './config-schema.ts';

/** An API key: all that is known of it, which is never the key itself. */
export interface ApiKey {
  readonly id: string;
  /** Unique within the org; what `api_key_name` shows. */
  readonly name: string;
  readonly orgId: string;
  /** `admin` implies all others, which then stand here too. */
  readonly scopes: ReadonlySet<Scope>;
  /** The project of requests that name none; `null` = none. */
  readonly project: string | null;
  /** The key's own rate plan; `null` = the org's. */
  readonly plan: string | null;
}

/** A configured provider. */
export interface Provider {
  readonly name: string;
  readonly kind: ProviderKind;
  /** Without a slash at its end; ends before the version. */
  readonly baseUrl: string;
  /** The operator's own secret; `null` = none or missing, then only callers' own keys (BYOK) work. */
  readonly credential: string | null;
}

/** An org, the billing account. */
export interface Org {
  readonly id: string;
  readonly name: string;
  /** Default rate plan; `null` = no charge is known. */
  readonly plan: string | null;
  /** What was bought, in picodollars; 0 = nothing. */
  readonly creditBalance: bigint;
  /** Its keys by id. */
  readonly keys: ReadonlyMap<string, ApiKey>;
}

/** One state of the configuration, immutable; every look-up takes constant time. */
export interface Snapshot {
  /** Name of the bundle that holds the terms. Keys and addresses are not part of it. */
  readonly epoch: string;
  readonly terms: RatingTerms;
  /** The key with this SHA-256 (lower-case hex); `undefined` = no such key. */
  keyByHash(hashHex: string): ApiKey | undefined;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly orgs: ReadonlyMap<string, Org>;
  /** The `settings:` of the files as they are written, unchecked. */
  readonly settingsYaml: Readonly<Record<string, unknown>>;
}

/** Builds the look-ups over a checked configuration. `credentials` has the resolved secrets by provider. */
export function buildSnapshot(
  config: ConfigFile,
  terms: RatingTerms,
  credentials: ReadonlyMap<string, string>,
): Snapshot {
  const orgs = new Map(Object.entries(config.orgs).map(([id, org]) => [id, toOrg(id, org)]));
  const keysByHash = new Map<string, ApiKey>();
  for (const [orgId, org] of Object.entries(config.orgs)) {
    for (const key of org.keys) keysByHash.set(key.sha256, toApiKey(orgId, key));
  }
  const providers = Object.entries(config.providers).map(([name, provider]): [string, Provider] => [
    name,
    {
      name,
      kind: provider.kind,
      baseUrl: provider.base_url,
      credential: credentials.get(name) ?? null,
    },
  ]);
  return Object.freeze({
    epoch: terms.epoch,
    terms,
    keyByHash: (hashHex: string) => keysByHash.get(hashHex),
    providers: new Map(providers),
    orgs,
    settingsYaml: Object.freeze({ ...config.settings }),
  });
}

function toOrg(id: string, org: OrgConfig): Org {
  return {
    id,
    name: org.name ?? id,
    plan: org.plan ?? null,
    creditBalance: parseAmount(org.credit ?? '0'),
    keys: new Map(org.keys.map((key) => [key.id, toApiKey(id, key)])),
  };
}

function toApiKey(orgId: string, key: KeyConfig): ApiKey {
  const scopes: readonly Scope[] = key.scopes.includes('admin') ? SCOPES : key.scopes;
  return {
    id: key.id,
    name: key.name,
    orgId,
    scopes: new Set(scopes),
    project: key.project ?? null,
    plan: key.plan ?? null,
  };
}
