import { randomFillSync } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ApiKey, hashKey, type Provider, type Snapshot } from '@meterstone/control';
import { decodeUsageEvent, encodeUsageEvent } from '@meterstone/events';
import type { EncodedEvent } from '@meterstone/journal';
import type { OrgTerms, RatePlan, UsageEvent } from '@meterstone/metering';
import { createLogger, createRegistry } from '@meterstone/runtime';
import { PROXY_LIMITS, type ProxyLimits } from './config.ts';
import type { EventSink } from './event/recorder.ts';
import { createProxy, type ProxyOptions, type ProxyServer } from './server.ts';

/** Keys that the proxies of tests know; the second lacks the scope. */
export const PROXY_KEY = 'mst_proxy-key-of-tests';
export const REPORT_KEY = 'mst_report-key-of-tests';
/** The operator's own secret for every provider. */
export const SYSTEM_SECRET = 'sk-system-secret';

export interface RunningProxyOptions {
  readonly upstream: RequestListener;
  readonly limits?: Partial<ProxyLimits>;
  /** Kinds by provider name; all stand behind `upstream`. @default openai, anthropic, google, azure, bedrock, local */
  readonly kinds?: Readonly<Record<string, Provider['kind']>>;
  /** Base URLs that differ from the upstream's. */
  readonly baseUrls?: Readonly<Record<string, string>>;
  readonly encode?: ProxyOptions['encode'];
  /** `false`: the event was not taken. */
  readonly enqueue?: (record: EncodedEvent) => boolean;
  /** Beyond what the tests' own sink does: it notes nothing. */
  readonly sink?: Partial<EventSink>;
  readonly whenJournalFull?: ProxyOptions['whenJournalFull'];
}

export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly proxy: ProxyServer;
  /** Events so far, decoded from what was handed to the producer. */
  readonly events: readonly UsageEvent[];
  /** Resolves with the first `count` events when there are so many. */
  eventsWhen(count: number): Promise<readonly UsageEvent[]>;
  /** Everything logged, as it was written. */
  logged(): string;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** A whole proxy on a port of its own, before a provider played by `upstream`, with a producer that records. */
export async function runProxy(options: RunningProxyOptions): Promise<RunningProxy> {
  const upstream = createServer(options.upstream);
  const upstreamPort = await listen(upstream);
  const log: string[] = [];
  const events: UsageEvent[] = [];
  const enqueue =
    options.enqueue ??
    (({ value }) => {
      events.push(decodeUsageEvent(Buffer.from(value)));
      return true;
    });
  const registry = createRegistry({ service: 'proxy' });
  const proxy = createProxy({
    snapshot: constant(snapshotFor(`http://127.0.0.1:${upstreamPort}`, options)),
    limits: { ...PROXY_LIMITS, sweepPeriodMs: 10, stopMsMax: 500, ...options.limits },
    encode: options.encode ?? encodeUsageEvent,
    sink: { ...memorySink(enqueue), ...options.sink },
    whenJournalFull: options.whenJournalFull ?? 'serve',
    pendingBytes: () => 0,
    readiness: () => ({ ready: true, reasons: [] }),
    registry,
    logger: createLogger({
      service: 'proxy',
      level: 'trace',
      destination: { write: (line: string) => void log.push(line) },
    }),
    sourceRef: 'proxy-test/0.0.0',
    now: Date.now,
    monotonicMs: () => performance.now(),
    random: (bytes) => randomFillSync(bytes),
  });
  const url = await proxy.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    port: Number(new URL(url).port),
    upstreamPort,
    proxy,
    events,
    eventsWhen: (count) => until(() => (events.length >= count ? events.slice(0, count) : null)),
    logged: () => log.join(''),
    metrics: () => registry.metrics(),
    async close() {
      await proxy.close();
      upstream.closeAllConnections();
      await new Promise((resolve) => upstream.close(resolve));
    },
  };
}

function memorySink(enqueue: (record: EncodedEvent) => boolean): EventSink {
  return {
    note: () => null,
    whenNoted: (callback) => callback(),
    renew: () => undefined,
    drop: () => undefined,
    send: (_entry, { records }) => records.filter((record) => !enqueue(record)).length,
  };
}

/** Resolves with the first value of `probe` that is not `null`. */
export async function until<T>(probe: () => T | null): Promise<T> {
  for (;;) {
    const value = probe();
    if (value !== null) {
      return value;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads the whole of a request's or answer's body. */
export async function bodyOf(message: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A provider that answers every request with one JSON body. */
export function jsonUpstream(body: unknown, status = 200): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  };
}

/** A Chat Completions answer with its usage. */
export const CHAT_ANSWER = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'gpt-5-2026-08-07',
  service_tier: 'default',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: {
    prompt_tokens: 100,
    completion_tokens: 20,
    total_tokens: 120,
    prompt_tokens_details: { cached_tokens: 40 },
    completion_tokens_details: { reasoning_tokens: 5 },
  },
};

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server on a TCP port has an address object.
  return (server.address() as AddressInfo).port;
}

function constant<T>(value: T): () => T {
  return () => value;
}

const KINDS = {
  openai: 'openai',
  anthropic: 'anthropic',
  google: 'google',
  azure: 'azure',
  bedrock: 'bedrock',
  local: 'openai_compatible',
} as const;

function snapshotFor(origin: string, { kinds = KINDS, baseUrls = {} }: RunningProxyOptions): Snapshot {
  const key = (id: string, scopes: ApiKey['scopes']): ApiKey => {
    return { id, name: id, orgId: 'acme', scopes, project: 'chat', plan: null };
  };
  const keys = new Map([
    [hashKey(PROXY_KEY), key('key_proxy', new Set(['proxy']))],
    [hashKey(REPORT_KEY), key('key_report', new Set(['report']))],
  ]);
  const plan: RatePlan = { name: 'pro', versions: [] };
  const acme: OrgTerms = {
    orgId: 'acme',
    plan: 'starter',
    ratePlans: new Map([
      ['pro', plan],
      ['starter', { ...plan, name: 'starter' }],
    ]),
    userPlans: new Map([['customer-7', 'pro']]),
    keyPlans: new Map(),
    byokFeePerRequest: 0n,
  };
  const providers = Object.entries(kinds).map(([name, kind]): [string, Provider] => [
    name,
    { name, kind, baseUrl: baseUrls[name] ?? origin, credential: SYSTEM_SECRET },
  ]);
  return {
    epoch: 'epoch-of-tests',
    // The proxy never looks at prices.
    terms: {
      epoch: 'epoch-of-tests',
      priceBook: {} as Snapshot['terms']['priceBook'],
      orgs: new Map([['acme', acme]]),
    },
    keyByHash: (hash) => keys.get(hash),
    providers: new Map(providers),
    orgs: new Map(),
    settingsYaml: {},
  };
}
