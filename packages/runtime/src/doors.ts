import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { MetricsText } from './merge-metrics.ts';

/** Whether a service does its work, and if not, why: one short sentence per reason, without secrets. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export interface DoorsOptions {
  readonly registry: MetricsText;
  /** Asked at each request to `/readyz`; must be cheap and must not throw. */
  readonly readiness: () => Readiness;
}

/**
 * Adds the three doors that every service has: `/healthz` (the process answers; nothing else is asked, so
 * that a slow database never gets a service killed), `/readyz` (200 or 503 with the reasons) and `/metrics`
 * (Prometheus text). None asks for a key: they are for the operator's own network.
 */
export function registerDoors<L extends FastifyBaseLogger>(
  app: FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, L>,
  { registry, readiness }: DoorsOptions,
): void {
  // Probes come every few seconds for ever: their request lines would bury the log.
  const quiet = { logLevel: 'warn' } as const;
  app.get('/healthz', quiet, async () => ({ status: 'ok' }));
  app.get('/readyz', quiet, async (_request, reply) => {
    const { ready, reasons } = readiness();
    return reply.code(ready ? 200 : 503).send({ ready, reasons });
  });
  app.get('/metrics', quiet, async (_request, reply) => {
    const text = await registry.metrics();
    return reply.header('content-type', registry.contentType).send(text);
  });
}
