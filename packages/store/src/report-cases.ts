import { exampleEvent, exampleRating } from './example-row.ts';
import type { RawRow } from './raw-row.ts';
import { NO_FILTERS, type ReportFilters, type ReportQuestion } from './report-question.ts';

/** Usage of an org over the first two days of 2026, small enough for sums by hand, and usage beside it. */
export const REPORT_ROWS: readonly Omit<RawRow, 'userKey' | 'coordinates'>[] = [
  // 1: at the first instant of the range. Input 100 + 10 audio, output 20 + 1 audio + 2 image.
  {
    event: {
      ...acmeEvent('2026-01-01T00:00:00.000Z', 'ann'),
      project: 'chat',
      tags: ['env:prod', 'feature:chat'],
      inputTokens: 100,
      inputAudioTokens: 10,
      outputTokens: 20,
      outputAudioTokens: 1,
      outputImageTokens: 2,
      reasoningTokens: 5,
      cacheReadTokens: 30,
      cacheReadAudioTokens: 3,
      cacheWriteTokens: 1,
      cacheWrite5mTokens: 7,
      cacheWrite1hTokens: 4,
    },
    rating: exampleRating({ model: 'openai/gpt-a', plan: 'pro', ...amounts(10n, 10n, 0n, 12n) }),
  },
  // 2: on the caller's own key, for a fee of 1.
  {
    event: {
      ...acmeEvent('2026-01-01T05:59:59.999Z', 'bob'),
      project: 'chat',
      provider: 'anthropic',
      credentialType: 'byok',
      tags: ['env:prod'],
      inputTokens: 50,
      outputTokens: 5,
    },
    rating: exampleRating({ model: 'anthropic/claude-b', plan: 'free', ...amounts(20n, 1n, 1n, 3n) }),
  },
  // 3: a failed attempt, which did not end its operation and cost nothing.
  {
    event: {
      ...acmeEvent('2026-01-01T05:15:00.000Z', 'ann'),
      project: 'chat',
      final: false,
      outcome: 'provider_error',
      tags: ['feature:chat'],
    },
    rating: exampleRating({ model: 'openai/gpt-a', plan: 'pro', ...amounts(0n, 0n, 0n, 0n) }),
  },
  // 4: another tier, reserved capacity, no retention, no tags.
  {
    event: {
      ...acmeEvent('2026-01-02T00:00:00.000Z', 'ann'),
      project: 'search',
      serviceTier: 'flex',
      region: 'eu',
      credentialType: 'reserved',
      zeroDataRetention: true,
      inputTokens: 200,
      outputTokens: 40,
    },
    rating: exampleRating({ model: 'openai/gpt-a', plan: 'pro', ...amounts(40n, 40n, 0n, 50n) }),
  },
  // 5: what another model billed inside 4.
  {
    event: {
      ...acmeEvent('2026-01-02T00:00:00.000Z', 'ann'),
      line: 1,
      project: 'search',
      provider: 'anthropic',
      serviceTier: 'flex',
      credentialType: 'reserved',
      zeroDataRetention: true,
      inputTokens: 8,
      outputTokens: 2,
    },
    rating: exampleRating({ model: 'anthropic/claude-b', plan: 'pro', ...amounts(5n, 5n, 0n, 6n) }),
  },
  // 6: no user, project, plan or tier; a model without a price; a fee of 4; estimated; the last instant of the range.
  {
    event: {
      ...acmeEvent('2026-01-02T23:59:59.999Z', null),
      apiKeyId: 'key_batch',
      provider: 'other',
      serviceTier: null,
      credentialType: 'subscription',
      tags: ['env:dev'],
      usageSource: 'estimated',
      operation: 'embeddings',
      inputTokens: 1000,
      outputTokens: 100,
    },
    rating: exampleRating({
      model: 'mystery',
      marketCost: null,
      totalCost: 4n,
      surchargeCost: 4n,
      charge: null,
      priceMatch: 'none',
      unpricedReason: 'unknown_model',
    }),
  },
  // 7: an adjustment that takes 2 back.
  {
    event: {
      ...acmeEvent('2026-01-02T12:00:00.000Z', 'bob'),
      kind: 'adjustment',
      project: 'chat',
      provider: 'anthropic',
      credentialType: 'byok',
      tags: ['env:prod'],
      inputTokens: -50,
      outputTokens: -5,
    },
    rating: exampleRating({ model: 'anthropic/claude-b', plan: 'free', ...amounts(-20n, -1n, -1n, -3n) }),
  },
  // Before the range, after it, and another org's: in no answer.
  beside({ occurredAt: Date.parse('2025-12-31T23:59:59.999Z') }),
  beside({ occurredAt: Date.parse('2026-01-03T00:00:00.000Z') }),
  beside({ orgId: 'bolt' }),
];

/** The columns that a case states, before its group's fields: operations, attempts, input, total cost, charge. */
type CaseRow = readonly [...group: string[], number, number, number, bigint, bigint];

/** A question over `REPORT_ROWS` and the rows that answer it, in order. */
export interface ReportCase {
  readonly name: string;
  readonly question: ReportQuestion;
  readonly rows: readonly CaseRow[];
}

export const REPORT_CASES: readonly ReportCase[] = [
  reportCase('by day', ask({ groupBy: ['day'] }), [
    ['2026-01-01', 2, 3, 160, 11n, 15n],
    ['2026-01-02', 2, 2, 1158, 48n, 53n],
  ]),
  reportCase('by hour', ask({ groupBy: ['day'], datePart: 'hour' }), [
    ['2026-01-01T00', 1, 1, 110, 10n, 12n],
    ['2026-01-01T05', 1, 2, 50, 1n, 3n],
    ['2026-01-02T00', 1, 1, 208, 45n, 56n],
    ['2026-01-02T12', 0, 0, -50, -1n, -3n],
    ['2026-01-02T23', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by user, the missing one as an empty name', ask({ groupBy: ['user'] }), [
    ['ann', 2, 3, 318, 55n, 68n],
    ['', 1, 1, 1000, 4n, 0n],
    ['bob', 1, 1, 0, 0n, 0n],
  ]),
  reportCase('by model', ask({ groupBy: ['model'] }), [
    ['openai/gpt-a', 2, 3, 310, 50n, 62n],
    ['anthropic/claude-b', 1, 1, 8, 5n, 6n],
    ['mystery', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by tag, once for each tag, without tags as an empty one', ask({ groupBy: ['tag'] }), [
    ['', 1, 1, 208, 45n, 56n],
    ['env:prod', 2, 2, 110, 10n, 12n],
    ['feature:chat', 1, 2, 110, 10n, 12n],
    ['env:dev', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by provider', ask({ groupBy: ['provider'] }), [
    ['openai', 2, 3, 310, 50n, 62n],
    ['anthropic', 1, 1, 8, 5n, 6n],
    ['other', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by credential type, four kinds as two', ask({ groupBy: ['credential_type'] }), [
    ['system', 2, 3, 318, 55n, 68n],
    ['byok', 2, 2, 1000, 4n, 0n],
  ]),
  reportCase('by zero data retention', ask({ groupBy: ['zero_data_retention'] }), [
    ['true', 1, 1, 208, 45n, 56n],
    ['false', 3, 4, 1110, 14n, 12n],
  ]),
  reportCase('by API key', ask({ groupBy: ['api_key_name'] }), [
    ['key_backend', 3, 4, 318, 55n, 68n],
    ['key_batch', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by plan', ask({ groupBy: ['plan'] }), [
    ['pro', 2, 3, 318, 55n, 68n],
    ['', 1, 1, 1000, 4n, 0n],
    ['free', 1, 1, 0, 0n, 0n],
  ]),
  reportCase('by project', ask({ groupBy: ['project'] }), [
    ['search', 1, 1, 208, 45n, 56n],
    ['chat', 2, 3, 110, 10n, 12n],
    ['', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by service tier', ask({ groupBy: ['service_tier'] }), [
    ['flex', 1, 1, 208, 45n, 56n],
    ['default', 2, 3, 110, 10n, 12n],
    ['', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by operation', ask({ groupBy: ['operation'] }), [
    ['chat', 3, 4, 318, 55n, 68n],
    ['embeddings', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by outcome', ask({ groupBy: ['outcome'] }), [
    ['ok', 4, 4, 1318, 59n, 68n],
    ['provider_error', 0, 1, 0, 0n, 0n],
  ]),
  reportCase('by region, the missing one as an empty name', ask({ groupBy: ['region'] }), [
    ['eu', 1, 1, 200, 40n, 50n],
    ['', 3, 4, 1118, 19n, 18n],
  ]),
  reportCase('by outcome and API key, from raw', ask({ groupBy: ['outcome', 'api_key_name'] }), [
    ['ok', 'key_backend', 3, 3, 318, 55n, 68n],
    ['ok', 'key_batch', 1, 1, 1000, 4n, 0n],
    ['provider_error', 'key_backend', 0, 1, 0, 0n, 0n],
  ]),
  reportCase(
    'of one operation, outcome and region by model',
    ask({ groupBy: ['model'], filters: { operation: 'chat', outcome: 'ok', region: 'eu' } }),
    [['openai/gpt-a', 1, 1, 200, 40n, 50n]],
  ),
  reportCase('by user and day', ask({ groupBy: ['user', 'day'] }), [
    ['2026-01-01', 'ann', 1, 2, 110, 10n, 12n],
    ['2026-01-01', 'bob', 1, 1, 50, 1n, 3n],
    ['2026-01-02', 'ann', 1, 1, 208, 45n, 56n],
    ['2026-01-02', '', 1, 1, 1000, 4n, 0n],
    ['2026-01-02', 'bob', 0, 0, -50, -1n, -3n],
  ]),
  reportCase(
    'by user of own keys on one plan',
    ask({ groupBy: ['user'], filters: { credentialType: 'byok', plan: 'free' } }),
    [['bob', 1, 1, 0, 0n, 0n]],
  ),
  reportCase(
    'by user over a whole day and half of one',
    ask({ groupBy: ['user'], start: '2026-01-01T05:30:00Z' }),
    [
      ['ann', 1, 1, 208, 45n, 56n],
      ['', 1, 1, 1000, 4n, 0n],
      ['bob', 1, 1, 0, 0n, 0n],
    ],
  ),
  reportCase(
    'by tag over a range that cuts a period',
    ask({ groupBy: ['tag'], start: '2026-01-01T05:50:00.001Z' }),
    [
      ['', 1, 1, 208, 45n, 56n],
      ['env:dev', 1, 1, 1000, 4n, 0n],
      ['env:prod', 1, 1, 0, 0n, 0n],
    ],
  ),
  reportCase(
    'of a tag by plan over a range that cuts a period',
    ask({ groupBy: ['plan'], start: '2026-01-01T05:50:00.001Z', filters: { tags: ['env:prod'] } }),
    [['free', 1, 1, 0, 0n, 0n]],
  ),
  reportCase('by model and day', ask({ groupBy: ['model'], datePart: 'day' }), [
    ['2026-01-01', 'openai/gpt-a', 1, 2, 110, 10n, 12n],
    ['2026-01-01', 'anthropic/claude-b', 1, 1, 50, 1n, 3n],
    ['2026-01-02', 'openai/gpt-a', 1, 1, 200, 40n, 50n],
    ['2026-01-02', 'anthropic/claude-b', 0, 0, -42, 4n, 3n],
    ['2026-01-02', 'mystery', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('by user and hour', ask({ groupBy: ['user'], datePart: 'hour', limit: 3 }), [
    ['2026-01-01T00', 'ann', 1, 1, 110, 10n, 12n],
    ['2026-01-01T05', 'bob', 1, 1, 50, 1n, 3n],
    ['(other)', '(other)', 2, 3, 1158, 48n, 53n],
  ]),
  reportCase('by provider and credential type', ask({ groupBy: ['provider', 'credential_type'] }), [
    ['openai', 'system', 2, 3, 310, 50n, 62n],
    ['anthropic', 'system', 0, 0, 8, 5n, 6n],
    ['other', 'byok', 1, 1, 1000, 4n, 0n],
    ['anthropic', 'byok', 1, 1, 0, 0n, 0n],
  ]),
  reportCase('of one user by model', ask({ groupBy: ['model'], filters: { userId: 'ann' } }), [
    ['openai/gpt-a', 2, 3, 310, 50n, 62n],
    ['anthropic/claude-b', 0, 0, 8, 5n, 6n],
  ]),
  reportCase('of one user by tag', ask({ groupBy: ['tag'], filters: { userId: 'bob' } }), [
    ['env:prod', 1, 1, 0, 0n, 0n],
  ]),
  reportCase('of no user by day', ask({ groupBy: ['day'], filters: { userId: '' } }), [
    ['2026-01-02', 1, 1, 1000, 4n, 0n],
  ]),
  reportCase('of an unknown user', ask({ groupBy: ['day'], filters: { userId: 'nobody' } }), []),
  reportCase(
    'of any of two tags by tag, with the other tags of those requests',
    ask({ groupBy: ['tag'], filters: { tags: ['env:prod', 'env:dev'] } }),
    [
      ['env:prod', 2, 2, 110, 10n, 12n],
      ['feature:chat', 1, 1, 110, 10n, 12n],
      ['env:dev', 1, 1, 1000, 4n, 0n],
    ],
  ),
  reportCase(
    'of all of two tags by model',
    ask({ groupBy: ['model'], filters: { tags: ['feature:chat', 'env:prod'], tagsMatch: 'all' } }),
    [['openai/gpt-a', 1, 1, 110, 10n, 12n]],
  ),
  reportCase('of own keys by day', ask({ groupBy: ['day'], filters: { credentialType: 'byok' } }), [
    ['2026-01-01', 1, 1, 50, 1n, 3n],
    ['2026-01-02', 1, 1, 950, 3n, -3n],
  ]),
  reportCase(
    'of every other filter at once',
    ask({
      groupBy: ['day'],
      filters: {
        model: 'openai/gpt-a',
        provider: 'openai',
        credentialType: 'system',
        zeroDataRetention: true,
        apiKeyId: 'key_backend',
        project: 'search',
        plan: 'pro',
        serviceTier: 'flex',
      },
    }),
    [['2026-01-02', 1, 1, 200, 40n, 50n]],
  ),
  reportCase('of a range inside a period', ask({ groupBy: ['day'], start: '2026-01-01T00:00:00.001Z' }), [
    ['2026-01-01', 1, 2, 50, 1n, 3n],
    ['2026-01-02', 2, 2, 1158, 48n, 53n],
  ]),
  reportCase('by model, cut to two rows', ask({ groupBy: ['model'], limit: 2 }), [
    ['openai/gpt-a', 2, 3, 310, 50n, 62n],
    ['(other)', 2, 2, 1008, 9n, 6n],
  ]),
  reportCase('by tag, cut to one row', ask({ groupBy: ['tag'], limit: 1 }), [
    ['(other)', 5, 6, 1428, 69n, 80n],
  ]),
];

function reportCase(name: string, question: ReportQuestion, rows: readonly CaseRow[]): ReportCase {
  return { name, question, rows };
}

interface Ask {
  readonly groupBy: ReportQuestion['groupBy'];
  readonly datePart?: ReportQuestion['datePart'];
  readonly filters?: Partial<ReportFilters>;
  readonly limit?: number;
  readonly start?: string;
}

function ask({ groupBy, datePart = null, filters = {}, limit = 4096, start = '2026-01-01T00:00:00Z' }: Ask) {
  return {
    orgId: 'acme',
    start: Date.parse(start),
    end: Date.parse('2026-01-03T00:00:00Z'),
    groupBy,
    datePart,
    filters: { ...NO_FILTERS, ...filters },
    limit,
  };
}

function acmeEvent(time: string, user: string | null) {
  return exampleEvent({ occurredAt: Date.parse(time), user });
}

function beside(facts: { occurredAt?: number; orgId?: string }) {
  const event = exampleEvent({
    occurredAt: Date.parse('2026-01-01T12:00:00Z'),
    inputTokens: 7777,
    user: 'ann',
    ...facts,
  });
  return { event, rating: exampleRating({ ...amounts(7777n, 7777n, 7777n, 7777n) }) };
}

function amounts(marketCost: bigint, totalCost: bigint, surchargeCost: bigint, charge: bigint) {
  return { marketCost, totalCost, surchargeCost, charge };
}
