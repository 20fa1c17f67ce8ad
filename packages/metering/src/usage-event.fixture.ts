import type { PriceBookText, RowText } from './price-book-text.ts';
import type { OrgTerms, RatingTerms } from './rating-terms.ts';
import { readPriceBook } from './read-price-book.ts';
import { NO_TOKENS } from './token-buckets.ts';
import type { UsageEvent } from './usage-event.ts';

/** A valid event of an answered chat request: 1,000 input and 200 output tokens of `acme/one` at `maker`. */
export function usageEvent(facts: Partial<UsageEvent> = {}): UsageEvent {
  return {
    eventId: new Uint8Array(16).fill(7),
    line: 0,
    operationId: 'operation-1',
    attempt: 0,
    final: true,
    parentOperationId: null,
    kind: 'usage',
    source: 'proxy',
    sourceRef: 'proxy-1/0.1.0',
    adjustsEventId: null,
    adjustsLine: null,
    correctionId: null,
    reason: null,
    marketCostDelta: null,
    totalCostDelta: null,
    surchargeCostDelta: null,
    chargeDelta: null,
    occurredAt: Date.parse('2026-11-24T12:00:00Z'),
    ingestedAt: Date.parse('2026-11-24T12:00:02Z'),
    orgId: 'acme',
    apiKeyId: 'key-1',
    project: 'chat',
    user: 'customer-1',
    sessionId: null,
    agent: null,
    traceId: null,
    tags: ['beta', 'search'],
    attributes: {},
    plan: null,
    credentialType: 'system',
    zeroDataRetention: false,
    provider: 'maker',
    requestModel: 'one',
    responseModel: 'one',
    operation: 'chat',
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
    inputTokens: 1000,
    outputTokens: 200,
    quantities: {},
    providerReportedCost: null,
    usageRaw: null,
    timeToFirstTokenMs: null,
    durationMs: 1200,
    ...facts,
  };
}

/** A book with one provider `maker` and one model `one` ($2 in, $10 out) unless rows say otherwise. */
export function bookText(rows: readonly RowText[] = [ONE_ROW]): PriceBookText {
  return {
    providers: [
      {
        provider: 'maker',
        aliases: ['the-maker'],
        fallbacks: [],
        models: [{ id: 'one', model: 'acme/one', names: ['one'], rules: [], rows }],
      },
    ],
  };
}

/** $2 / $0.20 / $2.50 / $4 / $10 per million; $10 per 1,000 searches. */
export const ONE_ROW: RowText = {
  tier: 'standard',
  tokens: {
    input_tokens: '2',
    cache_read_tokens: '0.2',
    cache_write_tokens: '2.5',
    cache_write_1h_tokens: '4',
    output_tokens: '10',
  },
  quantities: { web_search_requests: { price: '10', per: 1000 } },
};

export function orgTerms(facts: Partial<OrgTerms> = {}): OrgTerms {
  return {
    orgId: 'acme',
    plan: null,
    ratePlans: new Map(),
    userPlans: new Map(),
    keyPlans: new Map(),
    byokFeePerRequest: 0n,
    ...facts,
  };
}

export function ratingTerms(book: PriceBookText = bookText(), org: OrgTerms = orgTerms()): RatingTerms {
  return { epoch: 'epoch-1', priceBook: readPriceBook(book, 'book-1'), orgs: new Map([[org.orgId, org]]) };
}
