import type { ApiKey } from '@meterstone/control';
import { findReader, type UsageReader } from '@meterstone/providers';
import { ProxyError } from './errors.ts';
import type { Attempt } from './event/attempt.ts';
import { UNKNOWN_OPERATION } from './event/build-events.ts';
import type { EventId } from './event/event-ids.ts';
import { attribute, type HeaderAttribution } from './request/attribute.ts';
import { stripModelPrefix } from './request/body-facts.ts';
import type { RequestHeaders } from './request/headers.ts';
import { askForUsage, needsIncludeUsage } from './request/include-usage.ts';
import { modelPrefix, type Route, withoutQuery } from './request/route.ts';
import { applySplices, type Splice } from './request/splice.ts';
import type { TakenBody } from './request/take-body.ts';
import { Exchange } from './upstream/exchange.ts';
import type { Client, ExchangeContext } from './upstream/upstream-request.ts';
import type { Prepared, Upstream } from './upstream/upstreams.ts';

/** A request that may go upstream, with all that was found out about it. */
export interface ReadyVisit {
  readonly client: Client;
  readonly route: Route;
  readonly prepared: Prepared;
  readonly headers: RequestHeaders;
  readonly key: ApiKey;
  readonly headerAttribution: HeaderAttribution;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly makeId: (now: number) => EventId;
  readonly body: TakenBody;
  /** See {@link UpstreamRequest.onSettled}. */
  readonly settled: () => void;
}

/**
 * Decides where a request goes and what of it is sent, and makes the exchange that sends it. ProxyError
 * `provider_not_found`, `model_not_found`, `unknown_plan` or `invalid_attribution`.
 */
export function toExchange(context: ExchangeContext, visit: ReadyVisit): Exchange {
  const { client, route, prepared, headers, body, settled } = visit;
  const { facts } = body;
  const prefix = route.provider === null ? modelPrefix(facts?.model ?? null) : null;
  const upstream = findTarget(prepared, route, prefix);
  const method = client.request.method ?? 'GET';
  const reader = findReader(upstream.kind, method, route.path);
  const isByok = headers.keyApart && headers.credentials.length > 0;
  const attempt = toAttempt(visit, { upstream, reader, prefix, isByok, id: visit.makeId(visit.startedAt) });
  const { content, cutsUsage } = toContent({ body, prefix, upstream, reader, path: route.path });
  return new Exchange(
    context,
    {
      dispatcher: upstream.pool,
      method,
      path: upstream.basePath + route.path,
      headers: toUpstreamHeaders(visit, { upstream, isByok, content }),
      body: content,
      reader,
      cutsUsage,
      attempt,
      onSettled: settled,
    },
    client,
  );
}

/** ProxyError `provider_not_found`. */
export function findUpstream({ upstreams }: Prepared, name: string): Upstream {
  const upstream = upstreams.get(name);
  if (upstream === undefined) {
    throw new ProxyError('provider_not_found', 'the path names a provider that is not configured here');
  }
  return upstream;
}

function findTarget(prepared: Prepared, { provider, fallback }: Route, prefix: string | null): Upstream {
  if (provider !== null || prefix === null) {
    return findUpstream(prepared, provider ?? fallback);
  }
  const upstream = prepared.upstreams.get(prefix);
  if (upstream === undefined) {
    throw new ProxyError('model_not_found', "the model's prefix is not a provider that is configured here");
  }
  return upstream;
}

interface Target {
  readonly upstream: Upstream;
  readonly reader: UsageReader | null;
  readonly prefix: string | null;
  readonly isByok: boolean;
  readonly id: EventId;
}

function toAttempt(visit: ReadyVisit, { upstream, reader, prefix, isByok, id }: Target): Attempt {
  const { key, headerAttribution, startedAt, prepared, route } = visit;
  const { facts } = visit.body;
  const attribution = attribute({
    headers: headerAttribution,
    gateway: facts?.gateway ?? null,
    // Anthropic's Messages has no `user` of its own.
    bodyUser: withoutQuery(route.path).endsWith('/messages') ? null : (facts?.user ?? null),
    key,
    terms: prepared.snapshot.terms.orgs.get(key.orgId),
  });
  const model = facts?.model ?? null;
  return {
    id,
    operationId: attribution.operationId ?? id.uuid,
    startedAt,
    orgId: key.orgId,
    apiKeyId: key.id,
    attribution,
    credentialType: isByok ? 'byok' : 'system',
    provider: upstream.name,
    requestModel: model === null || prefix === null ? model : model.slice(prefix.length + 1),
    operation: reader?.operation ?? UNKNOWN_OPERATION,
    serviceTierRequested: facts?.serviceTier ?? null,
    asksForStream: facts?.stream ?? false,
    requestTextBytes: facts?.textBytes ?? null,
  };
}

interface ContentParts {
  readonly body: TakenBody;
  readonly prefix: string | null;
  readonly upstream: Upstream;
  readonly reader: UsageReader | null;
  readonly path: string;
}

function toContent({ body, prefix, upstream, reader, path }: ContentParts): {
  content: TakenBody['content'];
  cutsUsage: boolean;
} {
  const { facts } = body;
  if (facts === null) {
    return { content: body.content, cutsUsage: false };
  }
  const splices: Splice[] = [];
  if (facts.gateway !== null) {
    splices.push(...facts.gateway.splices);
  }
  if (prefix !== null) {
    splices.push(...stripModelPrefix(facts, prefix));
  }
  const operation = reader?.operation ?? UNKNOWN_OPERATION;
  const asked = needsIncludeUsage({ kind: upstream.kind, operation, path }) ? askForUsage(facts) : null;
  if (asked !== null) {
    splices.push(...asked);
  }
  return { content: applySplices(facts.body, splices), cutsUsage: asked !== null };
}

interface HeaderParts {
  readonly upstream: Upstream;
  readonly isByok: boolean;
  readonly content: TakenBody['content'];
}

function toUpstreamHeaders({ headers }: ReadyVisit, { upstream, isByok, content }: HeaderParts): string[] {
  const list = headers.passed.concat(isByok ? headers.credentials : upstream.credential);
  // undici writes the length of what it is given whole; of a stream only the client knows it.
  if (content !== null && !Buffer.isBuffer(content) && headers.contentLength !== null) {
    list.push('content-length', String(headers.contentLength));
  }
  return list;
}
