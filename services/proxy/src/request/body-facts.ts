import { ProxyError } from '../errors.ts';
import { lastMember, type ObjectScan, parseString, scanObject } from './json-scan.ts';
import { cutMembers, type Splice } from './splice.ts';

/** What the proxy needs to know of a JSON body. */
export interface BodyFacts {
  readonly body: Buffer;
  readonly scan: ObjectScan;
  /** As it stands in the body, a provider's prefix included. `null`: no model, or not a string. */
  readonly model: string | null;
  /** The caller asked for a stream. */
  readonly stream: boolean;
  /** OpenAI's own `user`; `null` also for an empty one. */
  readonly user: string | null;
  readonly serviceTier: string | null;
  /** `providerOptions.gateway`: `null` where there is none. */
  readonly gateway: GatewayOptions | null;
  /** See {@link ObjectScan.textBytes}. */
  readonly textBytes: number;
}

/** What `providerOptions.gateway` says, and where it stands. */
export interface GatewayOptions {
  /** `null`: not given. */
  readonly user: string | null;
  readonly tags: readonly string[];
  /** Takes it out of the body, and `providerOptions` with it if nothing else is in there. */
  readonly splices: readonly Splice[];
}

/**
 * Reads a body's facts in one scan. `null` when the body is no JSON object: it is passed on as it is and the
 * provider says what is wrong. ProxyError `invalid_attribution` when `providerOptions.gateway` has a wrong type.
 */
export function readBodyFacts(body: Buffer): BodyFacts | null {
  const scan = scanObject(body, 0, MEMBERS);
  if (scan === null) {
    return null;
  }
  const stream = lastMember(scan, 'stream');
  return {
    body,
    scan,
    model: readText(body, scan, 'model'),
    stream: stream !== undefined && hasWord(body, stream.valueStart, 'true'),
    user: readText(body, scan, 'user')?.toWellFormed() || null,
    serviceTier: readText(body, scan, 'service_tier'),
    gateway: readGateway(body, scan),
    textBytes: scan.textBytes,
  };
}

/** The splice that takes `prefix` and the slash behind it off the model's name. */
export function stripModelPrefix({ body, scan, model }: BodyFacts, prefix: string): Splice[] {
  const member = lastMember(scan, 'model');
  if (member === undefined || model === null) {
    return [];
  }
  const { valueStart, valueEnd } = member;
  const start = valueStart + 1;
  const end = start + prefix.length + 1;
  if (body.toString('latin1', start, end) === `${prefix}/`) {
    return [{ start, end, insert: '' }];
  }
  // The name is written with escapes: PHP writes `openai\/gpt-5`.
  return [{ start: valueStart, end: valueEnd, insert: JSON.stringify(model.slice(prefix.length + 1)) }];
}

const MEMBERS = ['model', 'stream', 'user', 'service_tier', 'stream_options', 'providerOptions'] as const;

function readText(body: Buffer, scan: ObjectScan, name: (typeof MEMBERS)[number]): string | null {
  const member = lastMember(scan, name);
  return member === undefined ? null : parseString(body, member.valueStart, member.valueEnd);
}

/** Whether a literal stands at `at`; what it is followed by the scan has seen. */
export function hasWord(body: Buffer, at: number, word: string): boolean {
  return body.toString('latin1', at, at + word.length) === word;
}

function readGateway(body: Buffer, scan: ObjectScan): GatewayOptions | null {
  const options = lastMember(scan, 'providerOptions');
  if (options === undefined) {
    return null;
  }
  const inner = scanObject(body, options.valueStart, ['gateway']);
  const gateway = inner === null ? undefined : lastMember(inner, 'gateway');
  if (inner === null || gateway === undefined) {
    return null;
  }
  const all = scan.members.filter(({ name }) => name === 'providerOptions');
  const emptied = inner.members.length === inner.memberCount;
  // A parser keeps the last `providerOptions` only, so an earlier one must not come to light by the cut.
  const splices = emptied
    ? cutMembers(body, scan, all)
    : [...cutMembers(body, scan, all.slice(0, -1)), ...cutMembers(body, inner, inner.members)];
  const value = parseGateway(body.toString('utf8', gateway.valueStart, gateway.valueEnd));
  return { ...value, splices };
}

function parseGateway(text: string): { user: string | null; tags: readonly string[] } {
  const value = parseJson(text);
  if (value === null) {
    return { user: null, tags: [] };
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid('providerOptions.gateway must be an object');
  }
  const { user = null, tags = null } = value as { user?: unknown; tags?: unknown }; // Checked right below.
  if (user !== null && typeof user !== 'string') {
    throw invalid('providerOptions.gateway.user must be a string');
  }
  if (tags !== null && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))) {
    throw invalid('providerOptions.gateway.tags must be an array of strings');
  }
  // Lone surrogates are legal in JSON but not in UTF-8, where two different tags would become one.
  return {
    user: user === null || user === '' ? null : user.toWellFormed(),
    tags: (tags ?? []).map((tag) => tag.toWellFormed()),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid('providerOptions.gateway is not valid JSON', cause);
  }
}

function invalid(message: string, cause?: unknown): ProxyError {
  return new ProxyError('invalid_attribution', message, cause);
}
