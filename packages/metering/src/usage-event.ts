import type { TokenBucket } from './token-buckets.ts';

export type EventKind = 'usage' | 'adjustment';
/** Where an event came from. */
export type EventSource = 'proxy' | 'events' | 'otlp' | 'kafka' | 'correction' | 'settlement';
export type CredentialType = 'system' | 'byok' | 'subscription' | 'reserved';
/** How an attempt ended, as seen by the proxy. `orphan`: the process died before the end was known. */
export type Outcome = 'ok' | 'provider_error' | 'client_abort' | 'upstream_reset' | 'timeout' | 'orphan';
/** `reported` by the provider, in `partial` form, `estimated` by us, or `none` at all. */
export type UsageSource = 'reported' | 'partial' | 'estimated' | 'none';

/**
 * One usage event: one attempt and one billed model of it (`line` 0 is the answer, 1… what another model
 * billed inside it). The same facts, in snake_case, stand in `schemas/usage-event` and in `raw_events`.
 *
 * Every key is always there, in this order (one object shape); an absent fact is `null`, or an empty list or
 * map. Identity is (`eventId`, `line`). Counts are safe integers, negative only where `kind` is `adjustment`.
 */
export interface UsageEvent extends Readonly<Record<TokenBucket, number>> {
  /** 16 bytes. A UUIDv7 from the proxy; a hash for events sent in, orphans keep the attempt's own. */
  readonly eventId: Uint8Array;
  readonly line: number;
  /** ≤ 64 characters. The request the caller made; all its attempts share it. */
  readonly operationId: string;
  /** 0 for the first attempt of the operation. */
  readonly attempt: number;
  /** This attempt ended its operation. Operations = Σ final over line 0. */
  readonly final: boolean;
  readonly parentOperationId: string | null;
  readonly kind: EventKind;
  readonly source: EventSource;
  /** Which instance and version wrote it: `proxy-1/0.1.0`. */
  readonly sourceRef: string;

  /** Adjustments only: the event (16 bytes) and line that are corrected, by which correction, and why. */
  readonly adjustsEventId: Uint8Array | null;
  readonly adjustsLine: number | null;
  readonly correctionId: string | null;
  readonly reason: string | null;
  /** Adjustments only: signed deltas in picodollars; `null` = this amount is not adjusted. */
  readonly marketCostDelta: bigint | null;
  readonly totalCostDelta: bigint | null;
  readonly surchargeCostDelta: bigint | null;
  readonly chargeDelta: bigint | null;

  /** Request start, epoch milliseconds UTC. It also selects the price. */
  readonly occurredAt: number;
  /** When the event was built, epoch milliseconds UTC. */
  readonly ingestedAt: number;

  readonly orgId: string;
  /** `null`: sent without a key (never from the proxy). Never key material. */
  readonly apiKeyId: string | null;
  readonly project: string | null;
  /** ≤ 256 characters: the org's end customer. */
  readonly user: string | null;
  readonly sessionId: string | null;
  readonly agent: string | null;
  readonly traceId: string | null;
  /** ≤ 10 of 1–64 characters, sorted by code point, unique. */
  readonly tags: readonly string[];
  /** ≤ 8 pairs, key ≤ 64, value ≤ 256 characters. Kept in raw, never in a rollup. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly plan: string | null;
  readonly credentialType: CredentialType;
  readonly zeroDataRetention: boolean;

  readonly provider: string;
  readonly requestModel: string | null;
  readonly responseModel: string | null;
  /** `chat`, `messages`, `responses`, `embeddings`, …; `unknown` for a path without a reader. */
  readonly operation: string;
  readonly serviceTierRequested: string | null;
  /** The tier served, which is the one priced. */
  readonly serviceTier: string | null;
  readonly region: string | null;
  readonly streamed: boolean;
  readonly finishReason: string | null;
  /** The provider's id of the answer. Evidence, never a key. */
  readonly responseId: string | null;

  /** `null`: no status line ever came. */
  readonly httpStatus: number | null;
  readonly outcome: Outcome;
  readonly errorType: string | null;
  readonly usageSource: UsageSource;
  /** Bits of `USAGE_FLAGS`. */
  readonly usageFlags: number;
  /** Basis of an estimate: UTF-8 bytes of request text; `null` = not counted. */
  readonly requestTextBytes: number | null;
  /** Basis of an estimate: output deltas seen in the stream; `null` = not counted. */
  readonly outputDeltas: number | null;

  /** Bit i set: bucket i of `TOKEN_BUCKETS` was reported (0 included). */
  readonly presentBuckets: number;
  /** Per-call quantities, unit in the name: `web_search_requests`, `audio_ms`, … */
  readonly quantities: Readonly<Record<string, number>>;
  /** What the provider says it charged, in picodollars. */
  readonly providerReportedCost: bigint | null;
  /** The provider's own usage object, verbatim JSON, ≤ 4,096 bytes. */
  readonly usageRaw: string | null;

  readonly timeToFirstTokenMs: number | null;
  readonly durationMs: number | null;
}

/** Limits of an event's facts. Units are in the names. */
export const EVENT_LIMITS = {
  operationIdCharactersMax: 64,
  projectCharactersMax: 64,
  planCharactersMax: 64,
  userCharactersMax: 256,
  sessionIdCharactersMax: 128,
  agentCharactersMax: 64,
  tagsMax: 10,
  tagCharactersMax: 64,
  attributesMax: 8,
  attributeKeyCharactersMax: 64,
  attributeValueCharactersMax: 256,
  usageRawBytesMax: 4096,
  /** Identifiers of ours: org, API key, trace, correction, writer. */
  idCharactersMax: 256,
  /** Words and names of providers: models, tier, region, finish reason, error type, response id. */
  providerTextCharactersMax: 1024,
  reasonCharactersMax: 1024,
  lineMax: 255,
  attemptMax: 9999,
  quantitiesMax: 32,
  quantityNameCharactersMax: 64,
  /** Per bucket and quantity. Nine of them add up within a safe integer. */
  countMax: 900_000_000_000_000,
  /** How far a request may lie after the record that tells of it: clocks differ, but not by days. */
  occurredAfterRecordMsMax: 86_400_000,
  /** How far before: a backfill of 400 days. Older history needs a longer one on purpose. */
  occurredBeforeRecordMsMax: 34_560_000_000,
} as const;
