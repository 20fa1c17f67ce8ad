import type { Control } from '@meterstone/control';
import { readReport, type StoreClient } from '@meterstone/store';
import type { FastifyInstance } from 'fastify';
import { authenticate } from '../authenticate.ts';
import { toReportAnswer } from '../report-answer.ts';
import { readReportQuestion } from '../report-question.ts';

/** Adds `GET /v1/report`. `meterstone-truncated: true` says that the last row is the sum of what did not fit. */
export function addReportRoute(
  app: FastifyInstance,
  { control, client }: { readonly control: Control; readonly client: StoreClient },
): void {
  app.get<{ Querystring: Record<string, unknown> }>('/v1/report', async (request, reply) => {
    const snapshot = control.snapshot();
    const { orgId, id: apiKeyId } = authenticate(snapshot, request.headers.authorization);
    const { question, exact } = readReportQuestion(request.query, { orgId, apiKeyId });
    const { rows, truncated } = await readReport(client, question);
    if (truncated) reply.header('meterstone-truncated', 'true');
    return toReportAnswer(rows, { exact, keys: snapshot.orgs.get(orgId)?.keys ?? new Map() });
  });
}
