/** The half-open byte range of one JSON value. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The values found, by member name; of a repeated member the last, as in `JSON.parse`. */
export type Members = ReadonlyMap<string, Span>;

/** Members wanted of the first object in a list: `finish_reason` in `choices`. */
export interface FirstOfList {
  readonly list: string;
  readonly names: readonly string[];
}

/**
 * Finds members of the JSON object that starts at `from`, without building any value: strings are jumped
 * over quote to quote, so a long answer costs a search for quotes and the usage at its end costs its own
 * size. Names inside strings or deeper objects never match. `null`: no complete object starts there.
 * For valid JSON the result equals that of a full parse; invalid JSON may be accepted.
 */
export function scanMembers(bytes: Uint8Array, names: readonly string[], from = 0): Members | null {
  const found = new Map<string, Span>();
  return scanObject(bytes, from, { names, found, first: null, within: null }) < 0 ? null : found;
}

/**
 * As `scanMembers`, of a whole document: nothing but white space may follow the object. Members of the first
 * object of a list are found in the same walk, as `<list>.<name>`.
 */
export function scanDocument(
  bytes: Uint8Array,
  names: readonly string[],
  first: FirstOfList | null = null,
): Members | null {
  const found = new Map<string, Span>();
  const from = startsWithByteOrderMark(bytes) ? 3 : 0;
  const end = scanObject(bytes, from, { names, found, first, within: null });
  return end < 0 || skipSpace(bytes, end) !== bytes.length ? null : found;
}

/** Whether the value is an array without elements. */
export function isEmptyArray(bytes: Uint8Array, value: Span): boolean {
  return bytes[value.start] === OPEN_BRACKET && skipSpace(bytes, value.start + 1) === value.end - 1;
}

/** Whether the value is an object, empty or not. */
export function isObjectAt(bytes: Uint8Array, value: Span): boolean {
  return bytes[value.start] === OPEN_BRACE;
}

/** The next index at or after `from` that holds no JSON white space. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  if ((bytes[from] ?? 0) > SPACE) return from;
  let at = from;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

export const QUOTE = 0x22;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const SPACE = 0x20;
/** `{` and `[` differ in this bit alone, and so do `}` and `]`. */
const BRACE_BIT = 0x20;
const BACKSLASH = 0x5c;
/** Bytes walked before a search: a call of `indexOf` costs as much. */
const WALKED_BYTES = 64;

interface Wanted {
  readonly names: readonly string[];
  readonly found: Map<string, Span>;
  readonly first: FirstOfList | null;
  /** The list that the object stands in first; `null`: it is the one asked for. */
  readonly within: string | null;
}

/** The index after the object, or −1. */
function scanObject(bytes: Uint8Array, from: number, wanted: Wanted): number {
  const open = skipSpace(bytes, from);
  if (bytes[open] !== OPEN_BRACE) return -1;
  let at = skipSpace(bytes, open + 1);
  if (bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    at = memberEnd(bytes, at, wanted);
    if (at < 0) return -1;
    at = skipSpace(bytes, at);
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1);
  }
}

/** Notes the member at `at` if it is wanted; the index after it, or −1. */
function memberEnd(bytes: Uint8Array, at: number, wanted: Wanted): number {
  const nameEnd = stringEnd(bytes, at);
  if (nameEnd < 0) return -1;
  const colon = skipSpace(bytes, nameEnd);
  if (bytes[colon] !== COLON) return -1;
  const start = skipSpace(bytes, colon + 1);
  const name = nameAmong(bytes, { start: at, end: nameEnd }, wanted.names);
  const end =
    name !== null && name === wanted.first?.list ? listEnd(bytes, start, wanted) : valueEnd(bytes, start);
  if (end >= 0 && name !== null) {
    wanted.found.set(wanted.within === null ? name : `${wanted.within}.${name}`, { start, end });
  }
  return end;
}

/** The index after the list, or −1, having looked into its first object. A repeated list replaces the first. */
function listEnd(bytes: Uint8Array, start: number, { first, found }: Wanted): number {
  if (first === null) return valueEnd(bytes, start);
  if (found.has(first.list)) {
    for (const name of first.names) found.delete(`${first.list}.${name}`);
  }
  const element = bytes[start] === OPEN_BRACKET ? skipSpace(bytes, start + 1) : -1;
  if (bytes[element] !== OPEN_BRACE) return valueEnd(bytes, start);
  const end = scanObject(bytes, element, { names: first.names, found, first: null, within: first.list });
  return end < 0 ? -1 : containerEnd(bytes, end, 1);
}

/** The index after the value at `at`, or −1. Iterative, so that no nesting can exhaust the stack. */
function valueEnd(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return stringEnd(bytes, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return containerEnd(bytes, at + 1, 1);
  return literalEnd(bytes, at);
}

/** The index after the bracket that closes `opened` brackets, or −1. */
function containerEnd(bytes: Uint8Array, from: number, opened: number): number {
  const { length } = bytes;
  let depth = opened;
  for (let at = from; at < length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = stringEnd(bytes, at) - 1;
      if (at < 0) return -1;
    } else if ((byte | BRACE_BIT) === OPEN_BRACE) {
      depth += 1;
    } else if ((byte | BRACE_BIT) === CLOSE_BRACE) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

function literalEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && !endsLiteral(bytes[at])) at += 1;
  return at === from ? -1 : at;
}

function endsLiteral(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/**
 * The index after the closing quote of the string that opens at `open`, or −1. Walks where quotes are dense
 * (code), searches where they are not (prose).
 */
function stringEnd(bytes: Uint8Array, open: number): number {
  if (bytes[open] !== QUOTE) return -1;
  let at = open + 1;
  for (;;) {
    const walked = Math.min(bytes.length, at + WALKED_BYTES);
    while (at < walked) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return -1;
    if (!isEscaped(bytes, quote, at)) return quote + 1;
    at = quote + 1;
  }
}

/** A quote is escaped by an odd number of backslashes in front of it. */
function isEscaped(bytes: Uint8Array, quote: number, from: number): boolean {
  let at = quote - 1;
  while (at >= from && bytes[at] === BACKSLASH) at -= 1;
  return (quote - 1 - at) % 2 === 1;
}

function nameAmong(bytes: Uint8Array, quoted: Span, names: readonly string[]): string | null {
  const start = quoted.start + 1;
  const length = quoted.end - 1 - start;
  for (const name of names) {
    if (name.length === length && equalsAt(bytes, start, name)) return name;
  }
  for (let at = start; at < start + length; at += 1) {
    if (bytes[at] === BACKSLASH) return escapedNameAmong(bytes, quoted, names);
  }
  return null;
}

/** Whether the bytes from `start` on are those of an ASCII text. */
export function equalsAt(bytes: Uint8Array, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1) {
    if (bytes[start + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** `"us\u0061ge"` is the member `usage` too. */
function escapedNameAmong(bytes: Uint8Array, quoted: Span, names: readonly string[]): string | null {
  try {
    const name: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(quoted.start, quoted.end)));
    return names.find((candidate) => candidate === name) ?? null;
  } catch {
    return null;
  }
}

function startsWithByteOrderMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
