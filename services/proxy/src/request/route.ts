import { ProxyError } from '../errors.ts';

/** Where a path leads. */
export interface Route {
  /** The provider's name; `null`: the model's prefix says, and `fallback` where it has none. */
  readonly provider: string | null;
  /** Used only when `provider` is `null`. */
  readonly fallback: string;
  /** What follows the provider's base URL, query included, as it was sent. */
  readonly path: string;
}

/**
 * Routes by path. `null`: not one of the paths that lead to a provider. ProxyError `invalid_request` for a path
 * with `..` in it: behind a base URL that ends in a folder it would lead out of that folder.
 */
export function findRoute(url: string): Route | null {
  const route = matchRoute(url);
  if (route !== null && climbs(url)) {
    throw new ProxyError('invalid_request', 'the path may not contain ".." as a segment');
  }
  return route;
}

/**
 * Splits a model's name at its first slash: `anthropic/claude-x` is provider `anthropic`, model `claude-x`.
 * `null`: no prefix.
 */
export function modelPrefix(model: string | null): string | null {
  const slash = model?.indexOf('/') ?? -1;
  return model === null || slash < 0 ? null : model.slice(0, slash);
}

/** The path without its query. */
export function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

/** Provider by the first segment; what follows the segment goes behind the base URL. */
const FIXED: readonly { readonly start: string; readonly provider: string }[] = [
  { start: '/openai/v1/', provider: 'openai' },
  { start: '/anthropic/v1/', provider: 'anthropic' },
  { start: '/google/v1beta/', provider: 'google' },
  { start: '/bedrock/', provider: 'bedrock' },
  { start: '/azure/', provider: 'azure' },
];

/** Ways in for events, which are no provider's. */
const INGEST = /^\/v1\/(events|traces)(?:[/?]|$)/;

function matchRoute(url: string): Route | null {
  if (url.startsWith('/v1/')) {
    const fallback =
      withoutQuery(url) === '/v1/messages' || url.startsWith('/v1/messages/') ? 'anthropic' : 'openai';
    return INGEST.test(url) ? null : { provider: null, fallback, path: url };
  }
  for (const { start, provider } of FIXED) {
    if (url.startsWith(start)) {
      return { provider, fallback: provider, path: url.slice(provider.length + 1) };
    }
  }
  const named = url.startsWith('/p/') ? url.indexOf('/', 3) : -1;
  if (named < 0) {
    return null;
  }
  const provider = url.slice(3, named);
  return { provider, fallback: provider, path: url.slice(named) };
}

function climbs(url: string): boolean {
  return url.includes('.') || url.includes('%') ? CLIMBING.test(withoutQuery(url)) : false;
}

const CLIMBING = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\]|%2f|%5c|$)/i;
