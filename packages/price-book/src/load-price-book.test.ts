import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadPriceBook, loadPriceBookText } from './load-price-book.ts';

describe('the price book that ships', () => {
  it('names its content: the same files give the same version', async () => {
    const [first, second] = await Promise.all([loadPriceBook(), loadPriceBook()]);
    expect(first.version).toMatch(/^[0-9a-f]{16}$/);
    expect(second.version).toBe(first.version);
  });

  it('says where it comes from', async () => {
    const text = await readFile(new URL('../data/price-book.json', import.meta.url), 'utf8');
    expect(JSON.parse(text)).toMatchObject({
      format: 1,
      source: 'PyPI package genai-prices',
      source_version: '0.2.3',
      source_licence: 'MIT',
      exported: '2026-11-24',
      currency: 'USD',
    });
  });

  it('gives every model one canonical name', async () => {
    const { providers } = await loadPriceBookText();
    const names = providers.flatMap(({ models }) => models.map(({ model }) => model));
    expect(names.filter((name) => !/^[a-z0-9-]+\/[^/\s]+$/.test(name))).toEqual([]);
  });

  it.each([
    ['openai', ['openai']],
    ['bedrock', ['bedrock', 'aws', 'aws.bedrock']],
    ['google', ['google', 'vertex', 'gcp.gemini', 'gcp.vertex_ai', 'gcp.gen_ai']],
    ['azure', ['azure', 'azure.ai.openai', 'azure-openai', 'az.ai.openai']],
    ['xai', ['xai', 'x-ai', 'x_ai']],
    ['mistral', ['mistral', 'mistral_ai']],
  ])('knows %s under the names of OpenTelemetry and of other tools', async (provider, spellings) => {
    const book = await loadPriceBook();
    expect(spellings.map((name) => book.providers.get(name)?.provider)).toEqual(
      spellings.map(() => provider),
    );
  });
});
