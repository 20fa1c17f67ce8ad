import { EVENT_LIMITS } from '@meterstone/metering';
import { equalsAt, type Members, QUOTE } from './json-scan.ts';

/** A JSON object as parsed: nothing is known about its members. */
export type JsonObject = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder();

/** The bytes as text; ill-formed UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The value of a member found by `scanMembers`; `undefined`: not found, or not JSON. */
export function parseMember(bytes: Uint8Array, members: Members, name: string): unknown {
  const span = members.get(name);
  return span === undefined ? undefined : parseJson(textOf(bytes.subarray(span.start, span.end)));
}

/** The parsed value, or `undefined` when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value when it is an object (not a list); `null` otherwise. */
export function asObject(value: unknown): JsonObject | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return value as JsonObject; // just checked: an object that is no list
}

/** A member of type string, found by `scanMembers`, as a fact. */
export function factOf(bytes: Uint8Array, members: Members, name: string): string | null {
  const span = members.get(name);
  if (span === undefined || bytes[span.start] !== QUOTE) return null;
  const word = usualWordAt(bytes, span.start + 1, span.end - 1);
  if (word !== null) return word;
  const text = textOf(bytes.subarray(span.start, span.end));
  return asFact(text.includes('\\') ? parseJson(text) : text.slice(1, -1));
}

/** What most answers say, so that it is compared rather than decoded, which takes ten times as long. */
const USUAL_WORDS = [
  'stop',
  'default',
  'message_delta',
  'message_stop',
  'message_start',
  'ping',
  'end_turn',
  'length',
  'tool_calls',
];

function usualWordAt(bytes: Uint8Array, start: number, end: number): string | null {
  for (const word of USUAL_WORDS) {
    if (word.length === end - start && equalsAt(bytes, start, word)) return word;
  }
  return null;
}

/**
 * The value when it is a non-empty string of at most `providerTextCharactersMax` characters, an
 * event's limit for such texts (what is longer is no id, model or tier); `null` otherwise.
 * Empty strings are absent facts: Azure's first chunk has `"model":""`, Snowflake's tier is `""`.
 */
export function asFact(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= EVENT_LIMITS.providerTextCharactersMax
    ? value
    : null;
}

/**
 * The kind of error that an `error` member names: its `type`, else `status` (Google), else `code` (Azure by
 * name, OpenRouter by HTTP status), else the text itself. `null`: there is no error.
 */
export function errorTypeOf(error: unknown): string | null {
  if (error === undefined || error === null || error === false) return null;
  const fields = asObject(error);
  if (fields === null) return asFact(error) ?? UNNAMED_ERROR;
  const code = fields['code'];
  return (
    asFact(fields['type']) ??
    asFact(fields['status']) ??
    asFact(typeof code === 'number' ? String(code) : code) ??
    UNNAMED_ERROR
  );
}

const UNNAMED_ERROR = 'error';
