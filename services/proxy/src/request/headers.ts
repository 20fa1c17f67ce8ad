import { ProxyError } from '../errors.ts';

/** Meterstone's own request headers that carry attribution. */
export type OwnHeader = (typeof OWN_HEADERS)[number];

/** A request's headers, sorted by who they are for. */
export interface RequestHeaders {
  /** Names and values in turn, as the client wrote them: for the provider. Without any credential. */
  readonly passed: readonly string[];
  /** The client's own provider credentials, names and values in turn. Never one that holds a Meterstone key. */
  readonly credentials: readonly string[];
  readonly own: Readonly<Partial<Record<OwnHeader, string>>>;
  /** The Meterstone key as it was sent; `null`: none. Key material: never logged, never passed on. */
  readonly key: string | null;
  /** The key came in `x-meterstone-key`, so that the usual place is free for the caller's own credential. */
  readonly keyApart: boolean;
  readonly contentType: string | null;
  /** `null`: not encoded. */
  readonly contentEncoding: string | null;
  /** In bytes; `null`: not given (chunked, or no body at all). */
  readonly contentLength: number | null;
  readonly chunked: boolean;
  /** W3C `traceparent`, which is passed on too. */
  readonly traceparent: string | null;
}

/**
 * Sorts raw headers (names and values in turn) in one pass; order, case and duplicates of what is passed on stay.
 * Hop-by-hop headers (RFC 9110, 7.6.1), `host`, `expect` and the length are the next hop's own business, and
 * `accept-encoding` becomes `identity`, so that the answer can be read. ProxyError `invalid_header` when one of
 * Meterstone's own headers stands twice.
 */
export function sortHeaders(raw: readonly string[]): RequestHeaders {
  const sorted: Sorting = {
    passed: [],
    credentials: [],
    own: {},
    key: null,
    keyApart: false,
    contentType: null,
    contentEncoding: null,
    contentLength: null,
    chunked: false,
    traceparent: null,
  };
  let connection: string | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    const lower = name.toLowerCase();
    const sort = SORTS.get(lower);
    if (lower === 'connection') {
      connection = value;
    } else if (sort !== undefined) {
      sort(sorted, { name, lower, value });
    } else if (!isOwnName(lower)) {
      sorted.passed.push(name, value);
    }
  }
  sorted.passed.push('accept-encoding', 'identity');
  return connection === undefined || PLAIN_CONNECTION.test(connection)
    ? sorted
    : { ...sorted, passed: dropNamed(sorted.passed, connection) };
}

const OWN_HEADERS = [
  'ai-reporting-user',
  'ai-reporting-tags',
  'meterstone-project',
  'meterstone-plan',
  'meterstone-session',
  'meterstone-agent',
  'meterstone-operation-id',
] as const;

/** What every Meterstone key begins with. */
const KEY_PREFIX = 'mst_';

/** A `connection` header that names no other header. */
const PLAIN_CONNECTION = /^\s*(keep-alive|close)\s*$/i;

type Sorting = { -readonly [K in keyof RequestHeaders]: RequestHeaders[K] } & {
  passed: string[];
  credentials: string[];
  own: Partial<Record<OwnHeader, string>>;
};

interface Header {
  readonly name: string;
  readonly lower: string;
  readonly value: string;
}

type Sort = (sorted: Sorting, header: Header) => void;

const SORTS: ReadonlyMap<string, Sort> = new Map<string, Sort>([
  ...[
    'host',
    'expect',
    'keep-alive',
    'proxy-connection',
    'proxy-authorization',
    'te',
    'trailer',
    'upgrade',
    'http2-settings',
    'accept-encoding',
  ].map((name): [string, Sort] => [name, () => {}]),
  ...['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'].map((name): [string, Sort] => [
    name,
    sortCredential,
  ]),
  ...OWN_HEADERS.map((name): [string, Sort] => [name, sortOwn]),
  ['x-meterstone-key', sortKey],
  [
    'transfer-encoding',
    (sorted) => {
      sorted.chunked = true;
    },
  ],
  [
    'content-length',
    (sorted, { value }) => {
      sorted.contentLength = Number(value);
    },
  ],
  [
    'content-type',
    (sorted, { name, value }) => {
      sorted.contentType = value;
      sorted.passed.push(name, value);
    },
  ],
  [
    'content-encoding',
    (sorted, { name, value }) => {
      sorted.contentEncoding = value;
      sorted.passed.push(name, value);
    },
  ],
  [
    'traceparent',
    (sorted, { name, value }) => {
      sorted.traceparent = value;
      sorted.passed.push(name, value);
    },
  ],
]);

/** A Meterstone key where the SDK puts its key; anything else there is the caller's own credential. */
function sortCredential(sorted: Sorting, { name, value }: Header): void {
  const token = value.replace(/^Bearer */i, '');
  if (token === '') {
    return;
  }
  if (!token.startsWith(KEY_PREFIX)) {
    sorted.credentials.push(name, value);
  } else if (!sorted.keyApart) {
    sorted.key ??= token;
  }
}

function sortKey(sorted: Sorting, { lower, value }: Header): void {
  if (sorted.keyApart) {
    throw twice(lower);
  }
  sorted.keyApart = true;
  sorted.key = value;
}

function sortOwn(sorted: Sorting, { lower, value }: Header): void {
  // OWN_HEADERS gave the names this is called for.
  const own = lower as OwnHeader;
  const earlier = sorted.own[own];
  if (earlier === undefined) {
    sorted.own[own] = value;
  } else if (own === 'ai-reporting-tags') {
    sorted.own[own] = `${earlier},${value}`;
  } else {
    throw twice(lower);
  }
}

function twice(name: string): ProxyError {
  return new ProxyError('invalid_header', `${name} may be given once only`);
}

/** Also names that a later version will know: none of ours is ever for the provider. */
function isOwnName(lower: string): boolean {
  return (
    lower.startsWith('meterstone-') || lower.startsWith('x-meterstone-') || lower.startsWith('ai-reporting-')
  );
}

/** Headers that `connection` names are hop-by-hop as well. */
function dropNamed(passed: readonly string[], connection: string): string[] {
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  const kept: string[] = [];
  for (let index = 0; index + 1 < passed.length; index += 2) {
    const name = passed[index] ?? '';
    if (!named.has(name.toLowerCase())) {
      kept.push(name, passed[index + 1] ?? '');
    }
  }
  return kept;
}
