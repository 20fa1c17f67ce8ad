import type { Control, Snapshot } from '@meterstone/control';
import type { FastifyInstance } from 'fastify';
import { type CatalogueEntry, listModels } from '../catalogue.ts';

/** The clients of version 4 and 3 want their own word for the interface that a model speaks. */
const SPECIFICATION_VERSIONS = { '/v4/ai/config': 'v4', '/v3/ai/config': 'v3' } as const;
/** Prices change by the day at most; the list is made again after this time, or when the configuration changes. */
const CATALOGUE_AGE_MS_MAX = 60_000;

/** Adds `/v1/models` and the configuration of Vercel's client. Neither asks for a key: list prices are public. */
export function addModelRoutes(
  app: FastifyInstance,
  { control, now }: { readonly control: Control; readonly now: () => number },
): void {
  const catalogue = createCatalogue(control, now);
  app.get('/v1/models', async () => ({ object: 'list', data: catalogue().map(toModel) }));
  for (const [path, version] of Object.entries(SPECIFICATION_VERSIONS)) {
    app.get(path, async () => ({ models: catalogue().map((entry) => toConfigEntry(entry, version)) }));
  }
}

function createCatalogue(control: Control, now: () => number): () => readonly CatalogueEntry[] {
  let kept: { snapshot: Snapshot; madeAt: number; entries: readonly CatalogueEntry[] } | null = null;
  return () => {
    const snapshot = control.snapshot();
    const nowMs = now();
    if (kept === null || kept.snapshot !== snapshot || nowMs - kept.madeAt > CATALOGUE_AGE_MS_MAX) {
      kept = { snapshot, madeAt: nowMs, entries: listModels(snapshot, nowMs) };
    }
    return kept.entries;
  };
}

/** OpenAI's shape with Vercel's `pricing`. `created` is 0: the price book does not know when a model came. */
function toModel({ id, provider, modelId, model, pricing }: CatalogueEntry) {
  return {
    id,
    object: 'model',
    created: 0,
    owned_by: provider,
    name: modelId,
    model,
    pricing: pricing ?? {},
  };
}

/** The client wants `input` and `output` in a `pricing`, or none (`@ai-sdk/gateway` 4.0.146, read 2026-11-24). */
function toConfigEntry({ id, provider, modelId, pricing }: CatalogueEntry, specificationVersion: string) {
  const complete = typeof pricing?.['input'] === 'string' && typeof pricing['output'] === 'string';
  return {
    id,
    name: modelId,
    ...(complete ? { pricing } : {}),
    specification: { specificationVersion, provider, modelId: id },
  };
}
