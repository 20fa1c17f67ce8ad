import { wholeEvent } from '../../../test/support/whole-event.ts';
import type { PriceBookText, RowText } from './price-book-text.ts';
import type { OrgTerms, RatingTerms } from './rating-terms.ts';
import { readPriceBook } from './read-price-book.ts';
import type { UsageEvent } from './usage-event.ts';

/** A valid event of an answered chat request: 1,000 input and 200 output tokens of `acme/one` at `maker`. */
export function usageEvent(facts: Partial<UsageEvent> = {}): UsageEvent {
  return wholeEvent({
    eventId: new Uint8Array(16).fill(7),
    occurredAt: Date.parse('2026-11-24T12:00:00Z'),
    ingestedAt: Date.parse('2026-11-24T12:00:02Z'),
    apiKeyId: 'key-1',
    project: 'chat',
    user: 'customer-1',
    tags: ['beta', 'search'],
    provider: 'maker',
    requestModel: 'one',
    responseModel: 'one',
    inputTokens: 1000,
    outputTokens: 200,
    durationMs: 1200,
    ...facts,
  });
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
