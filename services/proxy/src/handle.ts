import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Snapshot } from '@meterstone/control';
import type { Logger } from '@meterstone/runtime';
import type { ByteBudget } from './answer/byte-budget.ts';
import { ProxyError } from './errors.ts';
import type { EventId } from './event/event-ids.ts';
import { findUpstream, type ReadyVisit, toExchange } from './outgoing.ts';
import { refuse, toProxyError } from './refuse.ts';
import { createTagReader, type ReadTags, readHeaderAttribution } from './request/attribute.ts';
import { createHeaderPlans, type FindPlan } from './request/header-plans.ts';
import { sortHeaders } from './request/headers.ts';
import { ClientGone } from './request/read-body.ts';
import { findRoute, type Route } from './request/route.ts';
import { type TakenBody, takeBody } from './request/take-body.ts';
import type { Client, ExchangeContext } from './upstream/upstream-request.ts';
import type { Prepared } from './upstream/upstreams.ts';

export interface HandlerOptions {
  readonly context: ExchangeContext;
  readonly snapshot: () => Snapshot;
  readonly prepare: (snapshot: Snapshot) => Prepared;
  readonly makeId: (now: number) => EventId;
  readonly limits: HandlerLimits;
  /** Bytes of request bodies in memory, all together. */
  readonly bodyBudget: ByteBudget;
  readonly logger: Pick<Logger, 'error'>;
}

export interface HandlerLimits {
  readonly requestBodyBytesMax: number;
  readonly inFlightMax: number;
}

/** The paths that lead to providers. */
export interface Handler {
  /** `false`: not such a path, nothing was done. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Requests between headers and end. */
  readonly inFlight: number;
  /** Resolves when none is. */
  idle(): Promise<void>;
}

export function createHandler(options: HandlerOptions): Handler {
  const memory = { findPlan: createHeaderPlans(), tagsOf: createTagReader() };
  let inFlight = 0;
  let onIdle: (() => void)[] = [];
  const done = (): void => {
    inFlight--;
    if (inFlight === 0) {
      for (const resolve of onIdle) {
        resolve();
      }
      onIdle = [];
    }
  };
  return {
    handle(request, response) {
      const client = { request, response };
      try {
        const route = findRoute(request.url ?? '/');
        if (route === null) {
          return false;
        }
        if (inFlight >= options.limits.inFlightMax) {
          throw new ProxyError('overloaded', 'too many requests are in flight, try again');
        }
        inFlight++;
        serve(options, { client, route, done, memory });
      } catch (error) {
        fail(options, client, error);
      }
      return true;
    },
    get inFlight() {
      return inFlight;
    },
    async idle() {
      if (inFlight > 0) {
        await new Promise<void>((resolve) => onIdle.push(resolve));
      }
    },
  };
}

/** What requests have in common with those before them. */
interface HeaderMemory {
  readonly findPlan: FindPlan;
  readonly tagsOf: ReadTags;
}

interface Visit {
  readonly memory: HeaderMemory;
  readonly client: Client;
  readonly route: Route;
  /** Called once, when the request has left nothing behind. */
  readonly done: () => void;
}

/** Everything before the first byte goes upstream. What goes wrong here is answered here, and nothing was sent. */
function serve(options: HandlerOptions, visit: Visit): void {
  const { client, done } = visit;
  try {
    const admitted = admit(options, visit);
    const { headers } = admitted;
    const { bodyBudget, limits } = options;
    const take = { headers, bytesMax: limits.requestBodyBytesMax, bodyBudget };
    takeBody(client.request, take, (error, body) => {
      if (body !== null) {
        depart(options, admitted, body);
        return;
      }
      done();
      fail(options, client, error);
    });
  } catch (error) {
    done();
    fail(options, client, error);
  }
}

type Admitted = Omit<ReadyVisit, 'body' | 'settled'> & Omit<Visit, 'memory'>;

/** All that the headers can be refused for, before a body is read. */
function admit(options: HandlerOptions, visit: Visit): Admitted {
  const { client, route, done, memory } = visit;
  const startedAt = options.context.now();
  const prepared = options.prepare(options.snapshot());
  const headers = sortHeaders(client.request.rawHeaders, memory.findPlan);
  const key = prepared.authenticate(headers);
  const headerAttribution = readHeaderAttribution(headers, memory.tagsOf);
  if (route.provider !== null) {
    findUpstream(prepared, route.provider);
  }
  const { makeId } = options;
  return { client, route, done, prepared, headers, key, headerAttribution, startedAt, makeId };
}

function depart(options: HandlerOptions, admitted: Admitted, body: TakenBody): void {
  const { client, route, done, prepared, headers, key, headerAttribution, startedAt, makeId } = admitted;
  const { context, bodyBudget } = options;
  const settled = (): void => {
    bodyBudget.release(body.heldBytes);
    done();
  };
  try {
    toExchange(context, {
      client,
      route,
      prepared,
      headers,
      key,
      headerAttribution,
      startedAt,
      makeId,
      body,
      settled,
    }).start();
  } catch (error) {
    settled();
    fail(options, client, error);
  }
}

function fail({ context, logger }: HandlerOptions, { request, response }: Client, error: unknown): void {
  if (error instanceof ClientGone) {
    context.counters.refused.add('client_gone');
    return;
  }
  const refusal = toProxyError(error);
  context.counters.refused.add(refusal.code);
  if (refusal.code === 'internal_error') {
    logger.error(
      { fault: error instanceof Error ? error.name : typeof error },
      'a request could not be handled',
    );
  }
  if (!response.headersSent && !response.destroyed) {
    refuse(request, response, refusal);
  }
}
