import { NO_TOKENS, type TokenCounts, type UsageEvent } from '@meterstone/metering';
import type { Chance } from './random.ts';

/** Orgs that use the pipeline under test. */
export const ORG_IDS = ['acme', 'globex'] as const;

/** One model of each list, and one that no list knows, whose events stay unpriced. */
export const MODELS = [
  { provider: 'openai', model: 'gpt-5-mini-2025-08-07', operation: 'chat' },
  { provider: 'anthropic', model: 'claude-haiku-4-5-20251001', operation: 'messages' },
  { provider: 'openai', model: 'no-such-model', operation: 'chat' },
] as const;

const USERS = ['customer-1', 'customer-2', 'customer-3', null];
const PLANS = ['starter', 'pro', null];
const TOKENS_MAX = 50_000;
const ID_BYTES = 16;

/** An event as a client sends it straight to Kafka; everything of it comes from chance and the clock given. */
export function sentEvent(chance: Chance, nowMs: number): UsageEvent {
  const { provider, model, operation } = chance.pick(MODELS);
  const eventId = Uint8Array.from({ length: ID_BYTES }, () => chance.between(0, 255));
  return knownEvent({
    eventId,
    operationId: Buffer.from(eventId).toString('hex'),
    source: 'events',
    occurredAt: nowMs - chance.between(0, 60_000),
    ingestedAt: nowMs,
    orgId: chance.pick(ORG_IDS),
    user: chance.pick(USERS),
    tags: chance.happens(0.5) ? [`feature:${chance.pick(['chat', 'search'])}`, 'team:core'] : [],
    plan: chance.pick(PLANS),
    provider,
    requestModel: model,
    responseModel: model,
    operation,
    ...randomTokens(chance),
  });
}

/** An answered request of which these facts are known. */
export function knownEvent(facts: Partial<UsageEvent>): UsageEvent {
  return { ...PLAIN_EVENT, ...facts };
}

function randomTokens(chance: Chance): TokenCounts {
  const maybe = () => (chance.happens(0.5) ? chance.between(0, TOKENS_MAX) : 0);
  return {
    ...NO_TOKENS,
    inputTokens: chance.between(1, TOKENS_MAX),
    cacheReadTokens: maybe(),
    outputTokens: chance.between(1, TOKENS_MAX),
    reasoningTokens: maybe(),
  };
}

const PLAIN_EVENT: UsageEvent = {
  eventId: new Uint8Array(ID_BYTES),
  line: 0,
  operationId: '',
  attempt: 0,
  final: true,
  parentOperationId: null,
  kind: 'usage',
  source: 'proxy',
  sourceRef: 'integrity/1',
  adjustsEventId: null,
  adjustsLine: null,
  correctionId: null,
  reason: null,
  marketCostDelta: null,
  totalCostDelta: null,
  surchargeCostDelta: null,
  chargeDelta: null,
  occurredAt: 0,
  ingestedAt: 0,
  orgId: '',
  apiKeyId: null,
  project: null,
  user: null,
  sessionId: null,
  agent: null,
  traceId: null,
  tags: [],
  attributes: {},
  plan: null,
  credentialType: 'system',
  zeroDataRetention: false,
  provider: '',
  requestModel: null,
  responseModel: null,
  operation: '',
  serviceTierRequested: null,
  serviceTier: null,
  region: null,
  streamed: false,
  finishReason: 'stop',
  responseId: null,
  httpStatus: 200,
  outcome: 'ok',
  errorType: null,
  usageSource: 'reported',
  usageFlags: 0,
  requestTextBytes: null,
  outputDeltas: null,
  presentBuckets: 0,
  ...NO_TOKENS,
  quantities: {},
  providerReportedCost: null,
  usageRaw: null,
  timeToFirstTokenMs: null,
  durationMs: 100,
};
