import { describe, expect, it } from 'vitest';
import type { RowText } from './price-book-text.ts';
import { lookUpPrice } from './price-lookup.ts';
import { readPriceBook } from './read-price-book.ts';
import { TOKEN_BUCKETS, type TokenBucket } from './token-buckets.ts';
import { bookText, ONE_ROW } from './usage-event.fixture.ts';

const row = (facts: Partial<RowText>): RowText => ({ ...ONE_ROW, ...facts });

function ratesOf(tokens: Record<string, string>, sameRates: Record<string, string> = {}) {
  const [provider] = bookText([row({ tokens })]).providers;
  if (provider === undefined) throw new Error('the fixture has one provider');
  const book = readPriceBook({ providers: [{ ...provider, same_rates: sameRates }] }, 'book-1');
  const question = {
    provider: 'maker',
    model: 'one',
    serviceTier: null,
    region: null,
    occurredAt: 0,
    inputTokens: 0,
  };
  const { rates } = lookUpPrice(book, question);
  return (bucket: TokenBucket) => rates?.tokens[TOKEN_BUCKETS.indexOf(bucket)];
}

describe('a bucket without a rate of its own', () => {
  it('has none, unless something defines it', () => {
    const rate = ratesOf({ input_tokens: '2' });
    for (const bucket of TOKEN_BUCKETS)
      expect(rate(bucket)).toBe(bucket === 'inputTokens' ? 2_000_000_000n : null);
  });

  it('takes the output rate for reasoning', () => {
    expect(ratesOf({ output_tokens: '10' })('reasoningTokens')).toBe(10_000_000_000n);
    expect(ratesOf({ output_tokens: '10', reasoning_tokens: '3' })('reasoningTokens')).toBe(3_000_000_000n);
  });

  it('shares the cache-write rate between "no lifetime" and five minutes, never with one hour', () => {
    const named = ratesOf({ cache_write_5m_tokens: '2.5' });
    expect(named('cacheWriteTokens')).toBe(2_500_000_000n);
    expect(named('cacheWrite1hTokens')).toBeNull();
    expect(ratesOf({ cache_write_tokens: '2.5' })('cacheWrite5mTokens')).toBe(2_500_000_000n);
  });

  it('takes another rate where the provider says so', () => {
    const rate = ratesOf(
      { input_tokens: '2', input_image_tokens: '5' },
      { input_audio_tokens: 'input_tokens', input_image_tokens: 'input_tokens' },
    );
    expect(rate('inputAudioTokens')).toBe(2_000_000_000n);
    expect(rate('inputImageTokens')).toBe(5_000_000_000n);
  });
});

describe('a book that cannot be meant is refused whole', () => {
  it.each<[string, Partial<RowText>]>([
    ['invalid_rate', { tokens: { input_tokens: '-2' } }],
    ['invalid_rate', { tokens: { input_tokens: '2e-6' } }],
    ['invalid_rate', { quantities: { web_search_requests: { price: '10', per: 0 } } }],
    ['invalid_price_book', { tokens: { inputTokens: '2' } }],
    ['invalid_price_book', { from: '2026-02-30' }],
    ['invalid_price_book', { from: '2026-03-01', to: '2026-03-01' }],
    ['invalid_price_book', { window: { from: '1:00', to: '04:00' } }],
    ['invalid_price_book', { window: { from: '01:00', to: '24:00' } }],
    ['invalid_price_book', { window: { from: '01:00', to: '04:00', weekdays: ['monday'] } }],
    ['invalid_price_book', { bands: [{ over_input_tokens: -1, tokens: {}, quantities: {} }] }],
  ])('%s: %j', (code, facts) => {
    expect(() => readPriceBook(bookText([row(facts)]), 'book-1')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('maker one') }),
    );
  });

  it('when a name or provider is there twice', () => {
    const [provider] = bookText().providers;
    const [model] = provider?.models ?? [];
    if (provider === undefined || model === undefined) throw new Error('the fixture has one model');
    const doubled = { ...provider, models: [model, { ...model, id: 'two' }] };
    expect(() => readPriceBook({ providers: [doubled] }, 'x')).toThrow(/the name one twice/);
    expect(() => readPriceBook({ providers: [provider, provider] }, 'x')).toThrow(/maker is there twice/);
  });
});
