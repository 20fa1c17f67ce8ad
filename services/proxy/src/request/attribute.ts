import type { ApiKey } from '@meterstone/control';
import { EVENT_LIMITS, type OrgTerms } from '@meterstone/metering';
import { ProxyError } from '../errors.ts';
import type { GatewayOptions } from './body-facts.ts';
import type { OwnHeader } from './header-plans.ts';
import type { RequestHeaders } from './headers.ts';

/** Whose usage a request is: the facts that go on its event. `null` = nobody said. */
export interface Attribution {
  readonly user: string | null;
  /** Sorted by code point, unique. */
  readonly tags: readonly string[];
  readonly project: string | null;
  /** By request, else user, else key, else org; `null`: none of them has one. */
  readonly plan: string | null;
  readonly sessionId: string | null;
  readonly agent: string | null;
  /** `null`: the caller named none, so the attempt's own id stands for it. */
  readonly operationId: string | null;
  readonly traceId: string | null;
  /** OpenAI's own `user` was over the limit: passed on to the provider, left out here. */
  readonly userUnattributed: boolean;
}

/** What the headers alone say, checked. */
export type HeaderAttribution = Omit<Attribution, 'plan' | 'userUnattributed'> & {
  /** The plan asked for, unresolved. */
  readonly plan: string | null;
};

/**
 * Reads and checks attribution headers, before the body is read. An empty header counts as absent.
 * ProxyError `invalid_header`.
 */
export function readHeaderAttribution(
  { own, traceparent }: RequestHeaders,
  tagsOf: ReadTags = readTags,
): HeaderAttribution {
  return {
    user: readHeader(own, 'ai-reporting-user', EVENT_LIMITS.userCharactersMax),
    tags: tagsOf(own['ai-reporting-tags']),
    project: readHeader(own, 'meterstone-project', EVENT_LIMITS.projectCharactersMax),
    plan: readHeader(own, 'meterstone-plan', EVENT_LIMITS.planCharactersMax),
    sessionId: readHeader(own, 'meterstone-session', EVENT_LIMITS.sessionIdCharactersMax),
    agent: readHeader(own, 'meterstone-agent', EVENT_LIMITS.agentCharactersMax),
    operationId: readHeader(own, 'meterstone-operation-id', EVENT_LIMITS.operationIdCharactersMax),
    traceId: traceparent === null ? null : (TRACEPARENT.exec(traceparent)?.[1] ?? null),
  };
}

export interface AttributionSources {
  readonly headers: HeaderAttribution;
  /** `null`: the body has none. */
  readonly gateway: GatewayOptions | null;
  /** OpenAI's own `user` of the body. */
  readonly bodyUser: string | null;
  readonly key: ApiKey;
  /** `undefined`: the configuration has no terms for the key's org. */
  readonly terms: OrgTerms | undefined;
}

/**
 * Puts headers, body, key and org together: the header's user beats the body's, tags are merged, the plan is the
 * nearest that is assigned. ProxyError `invalid_header`, `invalid_attribution` or `unknown_plan`.
 */
export function attribute({ headers, gateway, bodyUser, key, terms }: AttributionSources): Attribution {
  const { userCharactersMax } = EVENT_LIMITS;
  const gatewayUser = gateway?.user ?? null;
  if (isLonger(gatewayUser, userCharactersMax)) {
    throw new ProxyError(
      'invalid_attribution',
      `providerOptions.gateway.user is over ${userCharactersMax} characters`,
    );
  }
  const ownUser = headers.user ?? gatewayUser;
  const userUnattributed = ownUser === null && isLonger(bodyUser, userCharactersMax);
  const user = ownUser ?? (userUnattributed ? null : bodyUser);
  return {
    user,
    tags: gateway === null ? headers.tags : mergeTags(headers.tags, gateway.tags),
    project: headers.project ?? key.project,
    plan: findPlan({ asked: headers.plan, user, key, terms }),
    sessionId: headers.sessionId,
    agent: headers.agent,
    operationId: headers.operationId,
    traceId: headers.traceId,
    userUnattributed,
  };
}

const NO_TAGS: readonly string[] = Object.freeze([]);

/** W3C Trace Context: version, trace id, parent id, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

interface PlanQuestion {
  readonly asked: string | null;
  readonly user: string | null;
  readonly key: ApiKey;
  readonly terms: OrgTerms | undefined;
}

function findPlan({ asked, user, key, terms }: PlanQuestion): string | null {
  if (asked !== null) {
    if (terms?.ratePlans.has(asked) !== true) {
      throw new ProxyError('unknown_plan', 'meterstone-plan names no rate plan of this org');
    }
    return asked;
  }
  const ofUser = user === null ? undefined : terms?.userPlans.get(user);
  return ofUser ?? key.plan ?? terms?.plan ?? null;
}

function readHeader(own: RequestHeaders['own'], name: OwnHeader, charactersMax: number): string | null {
  const raw = own[name];
  if (raw === undefined || raw === '') {
    return null;
  }
  const text = decodeHeader(raw);
  if (isLonger(text, charactersMax)) {
    throw new ProxyError('invalid_header', `${name} is over ${charactersMax} characters`);
  }
  return text;
}

/** Reads the tags' header; `undefined`: not given. ProxyError `invalid_header`. */
export type ReadTags = (raw: string | undefined) => readonly string[];

/** Remembers what tags were read, since most requests repeat them: `TAG_HEADERS_REMEMBERED_MAX` headers, then anew. */
export function createTagReader(): ReadTags {
  const remembered = new Map<string, readonly string[]>();
  return (raw) => {
    const known = raw === undefined ? NO_TAGS : remembered.get(raw);
    if (raw === undefined || known !== undefined) {
      return known ?? NO_TAGS;
    }
    const tags = readTags(raw);
    if (remembered.size >= TAG_HEADERS_REMEMBERED_MAX) {
      remembered.clear();
    }
    remembered.set(raw, tags);
    return tags;
  };
}

const TAG_HEADERS_REMEMBERED_MAX = 1_000;

function readTags(raw: string | undefined): readonly string[] {
  if (raw === undefined || raw === '') {
    return NO_TAGS;
  }
  const tags = decodeHeader(raw).split(',');
  for (const [index, tag] of tags.entries()) {
    tags[index] = tag.trim();
  }
  checkTags(tags, 'invalid_header');
  return sortTags(tags, 'invalid_header');
}

function mergeTags(fromHeader: readonly string[], fromBody: readonly string[]): readonly string[] {
  checkTags(fromBody, 'invalid_attribution');
  return sortTags([...fromHeader, ...fromBody], 'invalid_attribution');
}

function checkTags(tags: readonly string[], code: 'invalid_header' | 'invalid_attribution'): void {
  for (const tag of tags) {
    if (tag === '' || isLonger(tag, EVENT_LIMITS.tagCharactersMax)) {
      throw new ProxyError(code, `a tag has 1 to ${EVENT_LIMITS.tagCharactersMax} characters`);
    }
  }
}

/** Sorts in place, then leaves out what stands twice. */
function sortTags(tags: string[], code: 'invalid_header' | 'invalid_attribution'): readonly string[] {
  tags.sort(compareByCodePoint);
  const unique = tags.filter((tag, index) => tag !== tags[index - 1]);
  if (unique.length > EVENT_LIMITS.tagsMax) {
    throw new ProxyError(code, `a request has at most ${EVENT_LIMITS.tagsMax} tags`);
  }
  return unique;
}

function compareByCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = codePointRank(a.charCodeAt(at)) - codePointRank(b.charCodeAt(at));
    if (difference !== 0) {
      return difference;
    }
  }
  return a.length - b.length;
}

/** A surrogate stands for a code point beyond all that need none. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/**
 * Node gives header bytes as Latin-1. Most clients write UTF-8 there; what is no valid UTF-8 was Latin-1, which is
 * what `fetch` sends.
 */
function decodeHeader(raw: string): string {
  if (isAscii(raw)) {
    return raw;
  }
  const bytes = Buffer.from(raw, 'latin1');
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? raw : text;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) {
      return false;
    }
  }
  return true;
}

/** Characters are code points; counted only where the UTF-16 length leaves it open. */
function isLonger(text: string | null, charactersMax: number): boolean {
  if (text === null || text.length <= charactersMax) {
    return false;
  }
  return text.length > charactersMax * 2 || [...text].length > charactersMax;
}
