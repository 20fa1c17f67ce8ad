import type { Control } from '@meterstone/control';
import {
  type Logger,
  type Readiness,
  type Registry,
  registerDoors,
  registerReadings,
} from '@meterstone/runtime';
import type { StoreClient } from '@meterstone/store';
import fastify, { type FastifyInstance } from 'fastify';
import { answerErrors } from './error-answer.ts';
import { observeRequests } from './request-log.ts';
import { addCreditsRoute } from './routes/credits.ts';
import { addGenerationRoute } from './routes/generation.ts';
import { addModelRoutes } from './routes/models.ts';
import { addReportRoute } from './routes/report.ts';

/** What the server is composed of. It owns none of it: closing the server leaves them open. */
export interface ServerParts {
  readonly control: Control;
  readonly client: StoreClient;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly readiness: () => Readiness;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Every request is a GET: a body has no use here. */
const BODY_BYTES_MAX = 1024;
/** For the whole request to arrive. Our questions take one packet. */
const REQUEST_MS_MAX = 10_000;

/** Builds the report API with its doors; `listen` is the caller's. Headers that it does not know are ignored. */
export function buildServer(parts: ServerParts): FastifyInstance {
  const { control, logger, registry } = parts;
  const app = fastify({
    // Fastify's own request lines hold the query string, which names users.
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    return503OnClosing: true,
  });
  answerErrors(app, logger);
  registerDoors(app, { registry, readiness: parts.readiness });
  registerReadings(registry, [
    ...observeRequests(app, logger),
    {
      name: 'meterstone_config_reloads_total',
      help: 'Changed configurations, by whether they were taken over or refused.',
      kind: 'counter',
      labels: ['result'],
      read: () => {
        const { taken, refused } = control.reloads();
        return [
          { labels: { result: 'taken' }, value: taken },
          { labels: { result: 'refused' }, value: refused },
        ];
      },
    },
  ]);
  addReportRoute(app, parts);
  addCreditsRoute(app, parts);
  addGenerationRoute(app, parts);
  addModelRoutes(app, parts);
  return app;
}
