import { readFile } from 'node:fs/promises';
import type { PriceBookText, RowText } from '@meterstone/metering';
import { describe, expect, it } from 'vitest';
import { applyCorrections, type Correction } from './corrections.ts';

const row: RowText = { tier: 'standard', tokens: { input_tokens: '2' }, quantities: {} };
const model = { id: 'one', model: 'acme/one', names: ['one'], rules: [], rows: [row] };
const book: PriceBookText = {
  providers: [
    {
      provider: 'maker',
      aliases: [],
      fallbacks: [],
      models: [model, { ...model, id: 'two', names: ['two'] }],
    },
  ],
};
const because = { provider: 'maker', reason: 'a test', source: 'https://example.com', checked: '2026-11-24' };

describe('a correction', () => {
  it('replaces the rows of the models it names and of no other', () => {
    const rows = [{ ...row, tokens: { input_tokens: '3' } }];
    const [provider] = applyCorrections(book, [{ ...because, models: ['one'], rows }]).providers;
    expect(provider?.models.map((each) => each.rows)).toEqual([rows, [row]]);
  });

  it('adds fees to every row and band, under those that are there', () => {
    const band = { over_input_tokens: 1, tokens: {}, quantities: { images: { price: '9', per: 1 } } };
    const banded = applyCorrections(book, [
      { ...because, models: ['one'], rows: [{ ...row, bands: [band] }] },
    ]);
    const quantities = { images: { price: '0', per: 1 }, pages: { price: '1', per: 1 } };
    const [provider] = applyCorrections(banded, [{ ...because, quantities }]).providers;
    expect(provider?.models[0]?.rows[0]?.quantities).toEqual(quantities);
    expect(provider?.models[0]?.rows[0]?.bands?.[0]?.quantities).toEqual({
      ...quantities,
      ...band.quantities,
    });
    expect(provider?.models[1]?.rows[0]?.quantities).toEqual(quantities);
  });

  it('that fits nothing stops the load: after a new export somebody must look', () => {
    expect(() => applyCorrections(book, [{ ...because, provider: 'nobody' }])).toThrow(
      /unknown provider nobody/,
    );
    expect(() => applyCorrections(book, [{ ...because, models: ['three'] }])).toThrow(
      /unknown model maker three/,
    );
  });

  it('that ships says why, after which source, read when', async () => {
    const text = await readFile(new URL('../data/corrections.json', import.meta.url), 'utf8');
    const { corrections } = JSON.parse(text) as { corrections: Correction[] };
    for (const { reason, source, checked } of corrections) {
      expect(reason.length).toBeGreaterThan(30);
      expect(source).toMatch(/^https:\/\//);
      expect(checked).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    }
  });
});
