import type { Control } from '@meterstone/control';
import { generationIdToUuid } from '@meterstone/metering';
import { readGeneration, type StoreClient } from '@meterstone/store';
import type { FastifyInstance } from 'fastify';
import { authenticate } from '../authenticate.ts';
import { ApiError, invalidParameter } from '../errors.ts';
import { toGenerationAnswer } from '../generation-answer.ts';

/** Adds `GET /v1/generation?id=gen_…`, one attempt by the id that its answer carried. */
export function addGenerationRoute(
  app: FastifyInstance,
  { control, client }: { readonly control: Control; readonly client: StoreClient },
): void {
  app.get<{ Querystring: Record<string, unknown> }>('/v1/generation', async (request) => {
    const { orgId } = authenticate(control.snapshot(), request.headers.authorization);
    const { id, eventId } = readId(request.query['id']);
    const lines = await readGeneration(client, { orgId, eventId });
    const first = lines[0];
    if (first === undefined) {
      throw new ApiError(
        'not_found',
        `No generation ${id} in this org. It can be read a few seconds after its answer.`,
        {
          param: 'id',
        },
      );
    }
    return toGenerationAnswer(id, first, lines);
  });
}

function readId(given: unknown): { readonly id: string; readonly eventId: Uint8Array } {
  if (given === undefined || given === '') {
    throw invalidParameter(
      'id',
      'id is required: the value of the header meterstone-generation-id of an answer',
    );
  }
  const eventId = typeof given === 'string' ? generationIdToUuid(given) : null;
  if (typeof given !== 'string' || eventId === null) {
    throw invalidParameter(
      'id',
      'id must be gen_ and a ULID in capitals, for example gen_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    );
  }
  return { id: given, eventId };
}
