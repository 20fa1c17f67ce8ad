import type { PriceBookText, RowText } from '@meterstone/metering';
import { describe, expect, it } from 'vitest';
import { loadPriceBookText } from './load-price-book.ts';
import { findSuspicions } from './price-gates.ts';

/**
 * Suspicions that somebody looked at, with what was found (2026-11-24).
 */
const LOOKED_AT = new Map([
  ['baseten reflection/Beam-1.0 standard', 'cut on 2026-11-02, all rates alike'],
  ['bedrock regional.openai.gpt-5.6-luna standard', 'the cut of Luna on 2026-07-30, as at OpenAI'],
  [
    'cloudflare @cf/meta/llama-guard-3-8b standard',
    'a classifier: Cloudflare prices its one-word output low',
  ],
  [
    'deepseek deepseek-v4-pro standard',
    'cached input rose from $0.003625 to $0.022 with the scheme of 2026-08-17',
  ],
  ['mistral mistral-medium-latest standard', 'the alias moved to a dearer model on 2026-06-16'],
  ['openai gpt-5.6-luna standard', 'the cut of Luna on 2026-07-30'],
  ['openai o3 standard', 'the cut from $10 to $2 on 2025-06-10'],
  [
    'openrouter deepseek/deepseek-v4.1-flash standard',
    'as the marketplace listed it for two weeks; its reported cost is the check',
  ],
]);

/** A marketplace lists its cheapest endpoint, whose prices jump as sellers come and go. */
const isMarketMove = (place: string, gate: string): boolean =>
  place.startsWith('openrouter ') && gate === 'a price changed more than threefold';

describe('the prices that ship', () => {
  it('are all plausible, or were looked at', async () => {
    const suspicions = findSuspicions(await loadPriceBookText()).filter(
      ({ place, gate }) => !isMarketMove(place, gate),
    );
    expect([...new Set(suspicions.map(({ place }) => place))].sort()).toEqual([...LOOKED_AT.keys()].sort());
  });

  it('never hold two rows of one tier at one time, and no window outside its row', async () => {
    const { providers } = await loadPriceBookText();
    const overlaps = providers.flatMap(({ provider, models }) =>
      models.filter(({ rows }) => hasOverlap(rows)).map(({ id }) => `${provider} ${id}`),
    );
    expect(overlaps).toEqual([]);
  });
});

describe('a gate', () => {
  const usual: RowText = {
    tier: 'standard',
    tokens: { input_tokens: '2', output_tokens: '10' },
    quantities: {},
  };

  it.each<[string, Partial<RowText>]>([
    ['a token price is out of range', { tokens: { input_tokens: '540000', output_tokens: '600000' } }],
    ['a token price is out of range', { tokens: { input_tokens: '0.0003' } }],
    ['a price is no plain decimal', { tokens: { input_tokens: '1.2999999999' } }],
    ['a price is no plain decimal', { tokens: { input_tokens: '1e-7' } }],
    ['a cached token costs more than a new one', { tokens: { input_tokens: '2', cache_read_tokens: '2.1' } }],
    ['output costs less than half of input', { tokens: { input_tokens: '2', output_tokens: '0.9' } }],
    [
      'an hour of cache costs less than five minutes',
      { tokens: { cache_write_tokens: '2', cache_write_1h_tokens: '1' } },
    ],
    ['a cache write costs less than input', { tokens: { input_tokens: '2', cache_write_tokens: '1.9' } }],
    [
      'a larger request is cheaper',
      { bands: [{ over_input_tokens: 1, tokens: { input_tokens: '1' }, quantities: {} }] },
    ],
  ])('finds that %s', (gate, facts) => {
    expect(findSuspicions(book([{ ...usual, ...facts }]))).toContainEqual({
      place: 'anthropic one standard',
      gate,
    });
  });

  it('finds that a price changed more than threefold', () => {
    const rows = [
      { ...usual, to: '2026-03-01' },
      { ...usual, from: '2026-03-01', tokens: { input_tokens: '7' } },
    ];
    expect(findSuspicions(book(rows))).toEqual([
      { place: 'anthropic one standard', gate: 'a price changed more than threefold' },
    ]);
  });

  it('says nothing about a usual price', () => {
    expect(findSuspicions(book([usual]))).toEqual([]);
  });
});

function book(rows: readonly RowText[]): PriceBookText {
  const model = { id: 'one', model: 'acme/one', names: ['one'], rules: [], rows };
  return { providers: [{ provider: 'anthropic', aliases: [], fallbacks: [], models: [model] }] };
}

function hasOverlap(rows: readonly RowText[]): boolean {
  const start = (row: RowText): string => row.from ?? '0000-00-00';
  const end = (row: RowText): string => row.to ?? '9999-99-99';
  const whole = rows.filter((row) => row.window === undefined);
  const windows = rows.filter((row) => row.window !== undefined);
  const meet = whole.some((a, index) =>
    whole.slice(index + 1).some((b) => a.tier === b.tier && start(a) < end(b) && start(b) < end(a)),
  );
  const isBased = (row: RowText): boolean =>
    whole.some((base) => base.tier === row.tier && start(base) <= start(row) && end(row) <= end(base));
  return meet || !windows.every(isBased);
}
