import type { Snapshot } from '@meterstone/control';
import type { UsageEvent } from '@meterstone/metering';
import { type Logger, type Readiness, type Registry, registerDoors } from '@meterstone/runtime';
import fastify, { type FastifyInstance } from 'fastify';
import { createByteBudget } from './answer/byte-budget.ts';
import type { ProxyLimits } from './config.ts';
import { PROXY_ERRORS, type ProxyErrorCode, toErrorBody } from './errors.ts';
import { createEventIds } from './event/event-ids.ts';
import { createRecorder, type RecorderOptions } from './event/recorder.ts';
import { createHandler, type Handler } from './handle.ts';
import { createHttpServer } from './http-server.ts';
import { createCounters, type ProxyCounters, registerMetrics } from './metrics.ts';
import { createNameReader } from './upstream/answer-names.ts';
import { createDrains } from './upstream/drains.ts';
import { createPools } from './upstream/pools.ts';
import { createSweep } from './upstream/sweep.ts';
import { createPrepare } from './upstream/upstreams.ts';

export interface ProxyOptions {
  readonly snapshot: () => Snapshot;
  readonly limits: ProxyLimits;
  /** See {@link RecorderOptions}. */
  readonly encode: (event: UsageEvent, slab: Buffer, position: number) => number;
  readonly sink: RecorderOptions['sink'];
  readonly whenJournalFull: RecorderOptions['whenJournalFull'];
  /** Encoded events that wait for Kafka, in bytes. */
  readonly pendingBytes: () => number;
  readonly readiness: () => Readiness;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly sourceRef: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only rise. */
  readonly monotonicMs: () => number;
  /** Fills bytes with randomness. */
  readonly random: (bytes: Uint8Array) => unknown;
}

export interface ProxyServer {
  /** Resolves with the URL it listens on. */
  listen(address: { host: string; port: number }): Promise<string>;
  /**
   * Takes no more requests, lets those in flight end for `stopMsMax` and cuts off the rest; resolves when all their
   * events are with the producer.
   */
  close(): Promise<void>;
  readonly counters: ProxyCounters;
  /** Answers being read on for clients that have gone. */
  draining(): number;
}

/**
 * Puts the proxy together. Paths that lead to providers are handled before fastify's router sees them, which a
 * measurement asked for; all other paths, the doors and the life-cycle are fastify's.
 */
export function createProxy(options: ProxyOptions): ProxyServer {
  const { limits, logger, now } = options;
  const counters = createCounters();
  const pools = createPools(limits);
  const sweep = createSweep({ periodMs: limits.sweepPeriodMs, monotonicMs: options.monotonicMs });
  const drains = createDrains(limits.drainsMax);
  const recorder = createRecorder({ ...options, counters });
  const budget = createByteBudget(limits.answerBytesHeldMax);
  const bodyBudget = createByteBudget(limits.requestBytesHeldMax);
  const handler = createHandler({
    context: { limits, sweep, drains, budget, recorder, counters, readNames: createNameReader(), now },
    snapshot: options.snapshot,
    prepare: createPrepare({ pools, rememberedKeysMax: limits.rememberedKeysMax }),
    makeId: createEventIds({ random: options.random }),
    limits,
    bodyBudget,
    logger,
  });
  registerMetrics(options.registry, counters, {
    inFlight: () => handler.inFlight,
    draining: () => drains.active,
    heldBytes: () => budget.used + bodyBudget.used,
    pendingBytes: options.pendingBytes,
  });
  const app = createApp({ handler, counters, limits, logger });
  registerDoors(app, options);
  return {
    counters,
    draining: () => drains.active,
    listen: (address) => app.listen(address),
    async close() {
      const closed = app.close();
      // Connections that fall idle from now on are nobody's to close but ours.
      const idling = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS);
      const stopping = setTimeout(() => sweep.stopAll(), limits.stopMsMax);
      const cutting = setTimeout(() => app.server.closeAllConnections(), limits.stopMsMax + CUT_OFF_MS);
      await Promise.all([closed, handler.idle()]);
      clearTimeout(stopping);
      clearTimeout(cutting);
      clearInterval(idling);
      await recorder.settled();
      await pools.close();
      sweep.close();
    },
  };
}

const IDLE_CHECK_MS = 100;
/** What was cut off has this long to reach its client. */
const CUT_OFF_MS = 500;

interface AppParts {
  readonly handler: Handler;
  readonly counters: ProxyCounters;
  readonly limits: ProxyLimits;
  readonly logger: Pick<Logger, 'error'>;
}

function createApp(parts: AppParts): FastifyInstance {
  const { counters, logger } = parts;
  const app = fastify({
    logger: false,
    serverFactory: (handle) =>
      createHttpServer({
        limits: parts.limits,
        counters,
        onRequest: (request, response) => {
          if (!parts.handler.handle(request, response)) {
            handle(request, response);
          }
        },
      }),
    forceCloseConnections: 'idle',
  });
  const answer = (code: ProxyErrorCode, message: string): string => {
    counters.refused.add(code);
    return toErrorBody(code, message);
  };
  for (const url of ['/v1/events', '/v1/traces']) {
    app.all(url, (_request, reply) => {
      reply
        .code(PROXY_ERRORS.not_implemented.status)
        .type('application/json')
        .send(answer('not_implemented', `${url} is not open yet: send requests through the proxy`));
    });
  }
  app.setNotFoundHandler((_request, reply) => {
    reply
      .code(PROXY_ERRORS.path_not_found.status)
      .type('application/json')
      .send(answer('path_not_found', 'no door of the proxy has this path'));
  });
  app.setErrorHandler((error, _request, reply) => {
    const code = isClientError(error) ? 'invalid_request' : 'internal_error';
    if (code === 'internal_error') {
      logger.error({ fault: error instanceof Error ? error.name : typeof error }, 'a door failed');
    }
    reply
      .code(PROXY_ERRORS[code].status)
      .type('application/json')
      .send(answer(code, 'this request cannot be handled'));
  });
  return app;
}

function isClientError(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500;
}
