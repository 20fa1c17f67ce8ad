import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PriceBookText, RowText } from './price-book-text.ts';
import { lookUpPrice, type PriceQuestion } from './price-lookup.ts';
import { readPriceBook } from './read-price-book.ts';
import { bookText, ONE_ROW } from './usage-event.fixture.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');

function row(input: string, facts: Partial<RowText> = {}): RowText {
  return { tier: 'standard', tokens: { input_tokens: input, output_tokens: '10' }, quantities: {}, ...facts };
}

function ask(text: PriceBookText, facts: Partial<PriceQuestion> = {}) {
  const question = {
    provider: 'maker',
    model: 'one',
    serviceTier: null,
    region: null,
    occurredAt: NOON,
    inputTokens: 0,
  };
  const answer = lookUpPrice(readPriceBook(text, 'book-1'), { ...question, ...facts });
  // Dollars per million input tokens: femtodollars per token ÷ 1e9.
  const input = answer.rates?.tokens[0];
  return { ...answer, input: input === undefined || input === null ? null : input / 10n ** 9n };
}

describe('effective dates', () => {
  const rows = [
    row('1', { to: '2026-03-01' }),
    row('2', { from: '2026-03-01', to: '2026-06-01' }),
    row('3', { from: '2026-06-01' }),
  ];

  it.each([
    ['2020-01-01T00:00:00.000Z', 1n],
    ['2026-02-28T23:59:59.999Z', 1n],
    ['2026-03-01T00:00:00.000Z', 2n],
    ['2026-05-31T23:59:59.999Z', 2n],
    ['2026-06-01T00:00:00.000Z', 3n],
    ['2099-01-01T00:00:00.000Z', 3n],
  ])('at %s the rate is %d', (instant, dollars) => {
    expect(ask(bookText(rows), { occurredAt: Date.parse(instant) }).input).toBe(dollars);
  });

  it('end when they end, though nothing follows', () => {
    const rows = [row('1', { to: '2026-03-01' })];
    expect(ask(bookText(rows), { occurredAt: Date.parse('2026-02-28T23:59:59.999Z') }).input).toBe(1n);
    expect(ask(bookText(rows), { occurredAt: Date.parse('2026-03-01T00:00:00Z') }).reason).toBe(
      'not_in_force',
    );
  });

  it('leave a time that no row covers unpriced, with the model known', () => {
    const answer = ask(bookText([row('2', { from: '2026-03-01' })]), {
      occurredAt: Date.parse('2026-02-28T00:00:00Z'),
    });
    expect(answer).toMatchObject({
      model: 'acme/one',
      rates: null,
      reason: 'not_in_force',
      priceMatch: 'none',
    });
  });
});

describe('daily windows', () => {
  const window = (facts: RowText['window']) => [
    row('1'),
    row('2', { from: '2026-03-01', ...(facts && { window: facts }) }),
  ];
  const at = (rows: RowText[], instant: string) =>
    ask(bookText(rows), { occurredAt: Date.parse(instant) }).input;

  it('hold inside their validity alone', () => {
    const rows = window({ from: '01:00', to: '04:00' });
    expect(at(rows, '2026-02-28T02:00:00Z')).toBe(1n);
    expect(at(rows, '2026-03-01T02:00:00Z')).toBe(2n);
  });

  it('are half-open', () => {
    const rows = window({ from: '01:00', to: '04:00' });
    expect(at(rows, '2026-03-05T00:59:59.999Z')).toBe(1n);
    expect(at(rows, '2026-03-05T01:00:00.000Z')).toBe(2n);
    expect(at(rows, '2026-03-05T03:59:59.999Z')).toBe(2n);
    expect(at(rows, '2026-03-05T04:00:00.000Z')).toBe(1n);
  });

  it('may pass midnight and then belong to the day they begin on', () => {
    const rows = window({ from: '22:00', to: '02:00', weekdays: ['fri'] });
    // 2026-11-20 is a Friday.
    expect(at(rows, '2026-11-20T01:00:00Z')).toBe(1n);
    expect(at(rows, '2026-11-20T23:00:00Z')).toBe(2n);
    expect(at(rows, '2026-11-21T01:59:59Z')).toBe(2n);
    expect(at(rows, '2026-11-21T02:00:00Z')).toBe(1n);
    expect(at(rows, '2026-11-21T23:00:00Z')).toBe(1n);
  });

  it('go before a row without one, wherever it stands in the book', () => {
    const rows = [row('2', { window: { from: '01:00', to: '04:00' } }), row('1')];
    expect(at(rows, '2026-03-05T02:00:00Z')).toBe(2n);
  });

  it('work before 1970', () => {
    const rows = [row('1'), row('2', { window: { from: '01:00', to: '04:00', weekdays: ['wed'] } })];
    // 1969-12-31 was a Wednesday.
    expect(at(rows, '1969-12-31T02:00:00Z')).toBe(2n);
    expect(at(rows, '1969-12-30T02:00:00Z')).toBe(1n);
  });
});

describe('bands of input size', () => {
  const bands = [
    { over_input_tokens: 200_000, tokens: { input_tokens: '4', output_tokens: '15' }, quantities: {} },
    { over_input_tokens: 500_000, tokens: { input_tokens: '8', output_tokens: '30' }, quantities: {} },
  ];
  it.each([
    [0, 1n],
    [200_000, 1n],
    [200_001, 4n],
    [500_000, 4n],
    [500_001, 8n],
  ])('price a request of %d input tokens whole at %d', (inputTokens, dollars) => {
    const answer = ask(bookText([row('1', { bands })]), { inputTokens });
    expect(answer.input).toBe(dollars);
  });
});

describe('service tiers', () => {
  const rows = [row('2'), row('4', { tier: 'priority', from: '2026-10-12' }), row('1', { tier: 'flex' })];

  it.each([
    [null, 2n],
    ['', 2n],
    ['default', 2n],
    ['standard', 2n],
    ['auto', 2n],
    ['on_demand', 2n],
    ['ON_DEMAND', 2n],
    ['STANDARD', 2n],
    ['priority', 4n],
    ['ON_DEMAND_PRIORITY', 4n],
    ['flex', 1n],
    ['ON_DEMAND_FLEX', 1n],
  ])('%j has the input rate %d', (serviceTier, dollars) => {
    expect(ask(bookText(rows), { serviceTier }).input).toBe(dollars);
  });

  it.each(['batch', 'scale', 'PROVISIONED_THROUGHPUT', 'turbo'])(
    'without rates are unpriced, not list price: %s',
    (serviceTier) => {
      const answer = ask(bookText(rows), { serviceTier });
      expect(answer).toMatchObject({ model: 'acme/one', rates: null, reason: 'tier_without_price' });
    },
  );

  it('are unpriced before the book knows their rates', () => {
    const answer = ask(bookText(rows), {
      serviceTier: 'priority',
      occurredAt: Date.parse('2026-10-11T23:59:59Z'),
    });
    expect(answer).toMatchObject({ rates: null, reason: 'tier_without_price' });
  });
});

describe('regions', () => {
  const regional = (
    rules: PriceBookText['providers'][number]['models'][number]['region_multipliers'],
  ): PriceBookText => {
    const [provider] = bookText().providers;
    const [model] = provider?.models ?? [];
    if (provider === undefined || model === undefined) throw new Error('the fixture has one model');
    return {
      providers: [{ ...provider, models: [{ ...model, ...(rules && { region_multipliers: rules }) }] }],
    };
  };

  it.each([
    [null, 2_000_000_000n],
    ['', 2_000_000_000n],
    ['global', 2_000_000_000n],
    ['us', 2_200_000_000n],
    ['US', 2_200_000_000n],
  ])('%j', (region, femto) => {
    const answer = ask(regional([{ regions: ['us'], multiplier: '1.1' }]), { region });
    expect(answer.rates?.tokens[0]).toBe(femto);
  });

  it('may be all but some', () => {
    const text = regional([{ except: ['global'], multiplier: '1.1' }]);
    expect(ask(text, { region: 'us-east5' }).rates?.tokens[0]).toBe(2_200_000_000n);
    expect(ask(text, { region: 'global' }).rates?.tokens[0]).toBe(2_000_000_000n);
    expect(ask(text, { region: null }).rates?.tokens[0]).toBe(2_000_000_000n);
  });

  it('change no rate where the book says nothing', () => {
    expect(ask(regional(undefined), { region: 'us' }).rates?.tokens[0]).toBe(2_000_000_000n);
  });

  it('leave fees per call alone', () => {
    const answer = ask(regional([{ regions: ['us'], multiplier: '1.1' }]), { region: 'us' });
    expect(answer.rates?.quantities.get('web_search_requests')).toEqual({ price: 10n ** 13n, per: 1n });
  });
});

describe('names', () => {
  const text: PriceBookText = {
    providers: [
      {
        provider: 'maker',
        aliases: ['the-maker'],
        fallbacks: ['other'],
        models: [
          {
            id: 'one',
            model: 'acme/one',
            names: ['one', 'one-4-5'],
            rules: [{ starts_with: 'one' }],
            rows: [ONE_ROW],
          },
          { id: 'two', model: 'acme/two', names: ['two.5', 'two-2025-01-01'], rules: [], rows: [ONE_ROW] },
          { id: 'amb', model: 'acme/amb', names: ['amb.1'], rules: [], rows: [ONE_ROW] },
          { id: 'amb2', model: 'acme/amb2', names: ['amb-1'], rules: [], rows: [ONE_ROW] },
        ],
      },
      {
        provider: 'other',
        aliases: [],
        fallbacks: [],
        models: [{ id: 'three', model: 'acme/three', names: ['three'], rules: [], rows: [ONE_ROW] }],
      },
    ],
  };

  it.each([
    ['one', 'acme/one', 'exact'],
    ['ONE', 'acme/one', 'exact'],
    ['one-4-5', 'acme/one', 'exact'],
    ['one-4-5-20260701', 'acme/one', 'exact'],
    ['one-4-5@20260701', 'acme/one', 'exact'],
    ['one-latest', 'acme/one', 'exact'],
    ['one-9', 'acme/one', 'pattern'],
    ['two.5', 'acme/two', 'exact'],
    ['two-5', 'acme/two', 'pattern'],
    ['maker/two.5', 'acme/two', 'pattern'],
    ['models/two.5', 'acme/two', 'pattern'],
    ['publishers/maker/models/two.5', 'acme/two', 'pattern'],
    ['two.5:nitro', 'acme/two', 'pattern'],
    ['two.5-2027-01-01', 'acme/two', 'pattern'],
    ['three', 'acme/three', 'fallback'],
    ['amb.1', 'acme/amb', 'exact'],
  ])('%s is %s by %s', (model, canonical, priceMatch) => {
    expect(ask(text, { model })).toMatchObject({ model: canonical, priceMatch, reason: null });
  });

  it.each(['two.5:free', 'two.5:batch', 'ft:two.5', 'two', 'models/three', 'my-deployment', 'amb_1'])(
    '%s is no model',
    (model) => {
      expect(ask(text, { model })).toMatchObject({
        model: null,
        priceMatch: 'none',
        rates: null,
        reason: 'unknown_model',
      });
    },
  );

  it('of providers may be spelt otherwise', () => {
    expect(ask(text, { provider: 'The-Maker' }).reason).toBeNull();
    expect(ask(text, { provider: 'nobody' }).reason).toBe('unknown_provider');
  });

  it('must be there at all', () => {
    expect(ask(text, { model: null }).reason).toBe('no_model');
    expect(ask(text, { model: '' }).reason).toBe('no_model');
  });

  it('never throw, whatever they are', () => {
    const book = readPriceBook(text, 'book-1');
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.option(fc.string()), (provider, model, region) => {
        const question = { provider, model, serviceTier: region, region, occurredAt: NOON, inputTokens: 1 };
        const answer = lookUpPrice(book, question);
        return (answer.rates === null) === (answer.reason !== null);
      }),
    );
  });
});
