import type { Provider, Snapshot } from '@meterstone/control';
import type { ProviderKind } from '@meterstone/metering';
import type { Pool } from 'undici';
import { type Authenticate, createAuthenticate } from '../request/authenticate.ts';
import type { Pools } from './pools.ts';

/** A configured provider, ready to be sent to. */
export interface Upstream {
  readonly name: string;
  readonly kind: ProviderKind;
  readonly pool: Pool;
  /** Path of the base URL, without a slash at its end. */
  readonly basePath: string;
  /** The operator's own credential as a header, name and value; empty: none is configured. Key material. */
  readonly credential: readonly string[];
}

/** One snapshot of the configuration, prepared for requests. */
export interface Prepared {
  readonly snapshot: Snapshot;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly authenticate: Authenticate;
}

export interface PrepareOptions {
  readonly pools: Pools;
  readonly rememberedKeysMax: number;
}

/** Prepares each snapshot once: when a request first meets it. */
export function createPrepare({
  pools,
  rememberedKeysMax,
}: PrepareOptions): (snapshot: Snapshot) => Prepared {
  let latest: Prepared | null = null;
  return (snapshot) => {
    if (latest?.snapshot !== snapshot) {
      const entries = [...snapshot.providers.values()].map((provider) => toUpstream(provider, pools));
      latest = {
        snapshot,
        upstreams: new Map(entries.map((upstream) => [upstream.name, upstream])),
        authenticate: createAuthenticate(snapshot, rememberedKeysMax),
      };
      pools.keepOnly(new Set([...snapshot.providers.values()].map(({ baseUrl }) => new URL(baseUrl).origin)));
    }
    return latest;
  };
}

function toUpstream({ name, kind, baseUrl, credential }: Provider, pools: Pools): Upstream {
  const { origin, pathname } = new URL(baseUrl);
  return {
    name,
    kind,
    pool: pools.of(origin),
    basePath: pathname.replace(/\/+$/, ''),
    credential: credential === null ? [] : credentialHeader(kind, credential),
  };
}

/** Where each kind of provider looks for its key (their API references, read November 2026). */
function credentialHeader(kind: ProviderKind, secret: string): readonly string[] {
  switch (kind) {
    case 'anthropic':
      return ['x-api-key', secret];
    case 'google':
      return ['x-goog-api-key', secret];
    case 'azure':
      return ['api-key', secret];
    default:
      return ['authorization', `Bearer ${secret}`];
  }
}
