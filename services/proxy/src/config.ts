import { join } from 'node:path';
import { loadSettings, type SettingsOf } from '@meterstone/control';
import type { HandlerLimits } from './handle.ts';
import type { HttpLimits } from './http-server.ts';
import type { PoolLimits } from './upstream/pools.ts';
import type { ExchangeLimits } from './upstream/upstream-request.ts';

/** What the proxy is configured with. */
export interface ProxyConfig extends SettingsOf<'proxy'> {
  /** Where the bundles are kept. */
  readonly bundlesFolder: string;
  /** Of the journals, its own and those that dead processes left. */
  readonly journalFolder: string;
}

/** Every limit of the proxy, with its unit in its name. */
export interface ProxyLimits extends HttpLimits, HandlerLimits, ExchangeLimits, PoolLimits {
  /** Request bodies in memory, all together. Beyond it a request gets 503. */
  readonly requestBytesHeldMax: number;
  /** Copies of answers in memory, all together. Beyond it an answer passes unmetered, with a flag on its event. */
  readonly answerBytesHeldMax: number;
  /** Answers read on at one time after their clients have gone. */
  readonly drainsMax: number;
  /** How often silence and stalls are looked for. */
  readonly sweepPeriodMs: number;
  readonly rememberedKeysMax: number;
  /** When the proxy stops, requests in flight have this long to end. */
  readonly stopMsMax: number;
}

/**
 * The defaults. Silence is long because an answer without streaming comes only when all of it is thought out: the
 * official clients wait ten minutes, and one more leaves the ending to them.
 */
export const PROXY_LIMITS: ProxyLimits = Object.freeze({
  requestBodyBytesMax: 64 * 1024 * 1024,
  requestHeaderBytesMax: 32 * 1024,
  requestHeaderMsMax: 60_000,
  requestMsMax: 300_000,
  clientKeepAliveMs: 65_000,
  inFlightMax: 10_000,
  requestBytesHeldMax: 512 * 1024 * 1024,
  answerBytesHeldMax: 256 * 1024 * 1024,
  answerBytesMax: 32 * 1024 * 1024,
  frameBytesMax: 8 * 1024 * 1024,
  upstreamSilenceMsMax: 660_000,
  clientStallMsMax: 120_000,
  noteRenewalMs: 5_000,
  drainMs: 30_000,
  drainBytesMax: 8 * 1024 * 1024,
  drainsMax: 64,
  connectMsMax: 10_000,
  keepAliveMs: 30_000,
  answerHeaderBytesMax: 64 * 1024,
  sweepPeriodMs: 500,
  rememberedKeysMax: 10_000,
  stopMsMax: 25_000,
});

/** Reads settings and configuration files; throws with all problems at once. */
export async function readConfig(env: Readonly<Record<string, string | undefined>>): Promise<ProxyConfig> {
  const settings = await loadSettings('proxy', env);
  return Object.freeze({
    ...settings,
    bundlesFolder: join(settings.folder, 'data', 'bundles'),
    journalFolder: join(settings.folder, 'journal'),
  });
}
