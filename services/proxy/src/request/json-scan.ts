import {
  BACKSLASH,
  BRACE_CLOSE,
  BRACE_OPEN,
  COLON,
  COMMA,
  createWalk,
  hasAt,
  QUOTE,
  type Span,
  skipSpace,
  skipValue,
  stringEnd,
  type Walk,
} from './json-walk.ts';

/**
 * Finds members of a JSON object in its bytes, without parsing it: quote to quote, since a prompt is long strings
 * with little between them. A position is what `JSON.parse` cannot give and what a splice needs.
 */

/** One member of a scanned object; all positions are byte offsets. */
export interface JsonMember {
  readonly name: string;
  /** Which member of the object it is, from 0, duplicates counted. */
  readonly ordinal: number;
  /** Of the comma before it; -1 for the first. */
  readonly comma: number;
  readonly keyStart: number;
  readonly valueStart: number;
  /** One behind the value. */
  readonly valueEnd: number;
}

export interface ObjectScan {
  /** Of `{`. */
  readonly open: number;
  /** Of `}`. */
  readonly close: number;
  /** Members in all, duplicates counted. */
  readonly memberCount: number;
  /** The members asked for, in the order they stand; a name given twice stands twice, and the last one counts. */
  readonly members: readonly JsonMember[];
  /**
   * Bytes inside string values at any depth, as they stand (an escape counts in full), without the object's members
   * asked for and without what is plainly binary in base64. The basis of an estimate, not a measure.
   */
  readonly textBytes: number;
}

/**
 * Scans the object that begins at `start` (white space before it is skipped) for members called `names`. `null`
 * when there is no object, or its brackets and quotes do not close. What stands inside numbers and literals is not
 * checked: the provider reads the body too, and says so better.
 */
export function scanObject(bytes: Buffer, start: number, names: readonly string[]): ObjectScan | null {
  const open = skipSpace(bytes, start);
  if (bytes[open] !== BRACE_OPEN) {
    return null;
  }
  const walk = createWalk(bytes);
  const members: JsonMember[] = [];
  let at = skipSpace(bytes, open + 1);
  if (bytes[at] === BRACE_CLOSE) {
    return { open, close: at, memberCount: 0, members, textBytes: 0 };
  }
  let comma = -1;
  for (let ordinal = 0; ; ordinal++) {
    const valueEnd = scanMember(walk, { ordinal, comma, keyStart: at }, { names, members });
    const next = valueEnd < 0 ? -1 : skipSpace(bytes, valueEnd);
    if (bytes[next] === BRACE_CLOSE) {
      return { open, close: next, memberCount: ordinal + 1, members, textBytes: walk.textBytes };
    }
    if (bytes[next] !== COMMA) {
      return null;
    }
    comma = next;
    at = skipSpace(bytes, next + 1);
  }
}

/** The last member of that name, which is the one that `JSON.parse` keeps. */
export function lastMember(scan: ObjectScan, name: string): JsonMember | undefined {
  for (let index = scan.members.length - 1; index >= 0; index--) {
    if (scan.members[index]?.name === name) {
      return scan.members[index];
    }
  }
  return undefined;
}

interface Search {
  readonly names: readonly string[];
  /** Gets what is found. */
  readonly members: JsonMember[];
}

/** One behind the member's value; -1 when no member stands there. */
function scanMember(
  walk: Walk,
  place: Pick<JsonMember, 'ordinal' | 'comma' | 'keyStart'>,
  { names, members }: Search,
): number {
  const { bytes } = walk;
  const { keyStart } = place;
  const keyEnd = bytes[keyStart] === QUOTE ? stringEnd(walk, keyStart) : -1;
  const colon = keyEnd < 0 ? -1 : skipSpace(bytes, keyEnd);
  if (bytes[colon] !== COLON) {
    return -1;
  }
  const valueStart = skipSpace(bytes, colon + 1);
  const textBytes = walk.textBytes;
  const valueEnd = skipValue(walk, valueStart);
  const name = matchName(bytes, { start: keyStart + 1, end: keyEnd - 1 }, names);
  if (name !== undefined && valueEnd >= 0) {
    walk.textBytes = textBytes;
    members.push({ ...place, name, valueStart, valueEnd });
  }
  return valueEnd;
}

function matchName(bytes: Buffer, { start, end }: Span, names: readonly string[]): string | undefined {
  const length = end - start;
  for (const name of names) {
    if (name.length === length && hasAt(bytes, start, name)) {
      return name;
    }
  }
  return matchEscapedName(bytes, { start, end }, names);
}

/** A key may be written with escapes (`"\u006dodel"`), and a parser on the other side reads it so. */
function matchEscapedName(bytes: Buffer, { start, end }: Span, names: readonly string[]): string | undefined {
  if (end - start > ESCAPED_NAME_BYTES_MAX || !hasBackslash(bytes, start, end)) {
    return undefined;
  }
  const key = parseString(bytes, start - 1, end + 1);
  return names.find((name) => name === key);
}

/** Every character of a name of 15 written as `\u0000`, and some. */
const ESCAPED_NAME_BYTES_MAX = 128;

function hasBackslash(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH) {
      return true;
    }
  }
  return false;
}

/** The string between two quotes (`start` is the opening one, `end` one behind the closing one); `null` if it is none. */
export function parseString(bytes: Buffer, start: number, end: number): string | null {
  if (bytes[start] !== QUOTE) {
    return null;
  }
  if (!hasBackslash(bytes, start, end)) {
    return bytes.toString('utf8', start + 1, end - 1);
  }
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', start, end));
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
