import { NO_TOKENS, type TokenCounts, type UsageEvent } from '@meterstone/metering';
import { wholeEvent } from '../support/whole-event.ts';
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

const PLAIN_EVENT = wholeEvent({
  operationId: '',
  sourceRef: 'integrity/1',
  occurredAt: 0,
  ingestedAt: 0,
  orgId: '',
  provider: '',
  requestModel: null,
  operation: '',
  durationMs: 100,
});
