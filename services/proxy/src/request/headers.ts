import { ProxyError } from '../errors.ts';
import { type FindPlan, type HeaderRole, type OwnHeader, planHeaders } from './header-plans.ts';

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
export function sortHeaders(raw: readonly string[], findPlan: FindPlan = planHeaders): RequestHeaders {
  const { lower, roles } = findPlan(raw);
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
  for (let index = 0; index < roles.length; index++) {
    const role = roles[index] ?? 'drop';
    const name = raw[index * 2] ?? '';
    const value = raw[index * 2 + 1] ?? '';
    if (role === 'pass') {
      sorted.passed.push(name, value);
    } else if (role === 'connection') {
      connection = value;
    } else if (role !== 'drop') {
      SORTS[role](sorted, { name, lower: lower[index] ?? '', value });
    }
  }
  sorted.passed.push('accept-encoding', 'identity');
  return connection === undefined || connection === 'keep-alive' || PLAIN_CONNECTION.test(connection)
    ? sorted
    : { ...sorted, passed: dropNamed(sorted.passed, connection) };
}

/** What every Meterstone key begins with. */
const KEY_PREFIX = 'mst_';
const BEARER = 'Bearer ';
/** As SDKs write it; compared, as a search by pattern takes ten times as long. */
const USUAL_START = BEARER + KEY_PREFIX;

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

const SORTS: Readonly<Record<Exclude<HeaderRole, 'pass' | 'drop' | 'connection'>, Sort>> = {
  credential: sortCredential,
  own: sortOwn,
  key: sortKey,
  'transfer-encoding': (sorted) => {
    sorted.chunked = true;
  },
  'content-length': (sorted, { value }) => {
    sorted.contentLength = Number(value);
  },
  'content-type': (sorted, { name, value }) => {
    sorted.contentType = value;
    sorted.passed.push(name, value);
  },
  'content-encoding': (sorted, { name, value }) => {
    sorted.contentEncoding = value;
    sorted.passed.push(name, value);
  },
  traceparent: (sorted, { name, value }) => {
    sorted.traceparent = value;
    sorted.passed.push(name, value);
  },
};

/** A Meterstone key where the SDK puts its key; anything else there is the caller's own credential. */
function sortCredential(sorted: Sorting, { name, value }: Header): void {
  const token = value.startsWith(USUAL_START) ? value.slice(BEARER.length) : value.replace(/^Bearer */i, '');
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
  // Only the names of own headers have this role.
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
