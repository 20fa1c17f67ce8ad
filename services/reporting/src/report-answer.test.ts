import type { ReportRow } from '@meterstone/store';
import { describe, expect, it } from 'vitest';
import { toReportAnswer } from './report-answer.ts';

function row(facts: Partial<ReportRow> = {}): ReportRow {
  return {
    group: { model: 'openai/gpt-5' },
    requestCount: 2,
    attempts: 3,
    inputTokens: 10,
    outputTokens: 9,
    cachedInputTokens: 8,
    cacheCreationInputTokens: 7,
    reasoningTokens: 6,
    unpricedCount: 1,
    estimatedCount: 0,
    marketCost: 611_400_000n,
    totalCost: 786_400_000n,
    surchargeCost: 175_000_000n,
    charge: 1_000_000_000_000n,
    margin: -1n,
    ...facts,
  };
}

const NO_KEYS = { exact: false, keys: new Map() };

describe('toReportAnswer', () => {
  it('gives amounts as JSON numbers in dollars and counts as whole numbers', () => {
    expect(toReportAnswer([row()], NO_KEYS)).toEqual({
      results: [
        {
          model: 'openai/gpt-5',
          total_cost: 0.0007864,
          market_cost: 0.0006114,
          surcharge_cost: 0.000175,
          charge: 1,
          margin: -1e-12,
          input_tokens: 10,
          output_tokens: 9,
          cached_input_tokens: 8,
          cache_creation_input_tokens: 7,
          reasoning_tokens: 6,
          request_count: 2,
          attempts: 3,
          unpriced_count: 1,
        },
      ],
    });
  });

  it('adds exact strings on request, which hold what a JSON number cannot', () => {
    const [answer] = toReportAnswer([row({ totalCost: 12_345_678_901_234_567_890_123n })], {
      ...NO_KEYS,
      exact: true,
    }).results;
    expect(answer).toMatchObject({
      total_cost_exact: '12345678901.234567890123',
      market_cost_exact: '0.0006114',
      surcharge_cost_exact: '0.000175',
      charge_exact: '1',
      margin_exact: '-0.000000000001',
    });
  });

  it('shows the name of a key, and the id of one that has none any more', () => {
    const rows = [row({ group: { api_key_name: 'key_web' } }), row({ group: { api_key_name: 'key_gone' } })];
    const { results } = toReportAnswer(rows, { exact: false, keys: new Map([['key_web', { name: 'web' }]]) });
    expect(results.map((result) => result['api_key_name'])).toEqual(['web', 'key_gone']);
  });

  it('has no null anywhere and an empty list for no rows', () => {
    const text = JSON.stringify(toReportAnswer([row({ group: { user: '' } })], { ...NO_KEYS, exact: true }));
    expect(text).not.toContain('null');
    expect(toReportAnswer([], NO_KEYS)).toEqual({ results: [] });
  });
});
