const TAB = 0x09;
const NEW_LINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
export const BACKSLASH = 0x5c;
const BRACKET_CLOSE = 0x5d;
export const BRACE_OPEN = 0x7b;
export const BRACE_CLOSE = 0x7d;

/** Bytes walked one by one before a search: it costs as much, and where a quote is escaped, the next is mostly near. */
const NEAR_BYTES = 24;
/** Shorter strings are text even where long ones would be base64. */
const BINARY_BYTES_MIN = 256;

/** A walk over the bytes of one JSON text, quote to quote. */
export interface Walk {
  readonly bytes: Buffer;
  /** A character for each byte: its searches take half the time of the buffer's. `null` until one is needed. */
  text: string | null;
  /** Bytes inside string values so far. */
  textBytes: number;
  /** The last string was a key under which base64 stands. */
  isAfterData: boolean;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

export function createWalk(bytes: Buffer): Walk {
  return { bytes, text: null, textBytes: 0, isAfterData: false };
}

/** One behind the closing quote of the string that opens at `open`; -1 when it does not close. */
export function stringEnd(walk: Walk, open: number): number {
  const { bytes } = walk;
  let at = open + 1;
  for (;;) {
    const walked = walkString(bytes, at, Math.min(at + NEAR_BYTES, bytes.length));
    if (walked < 0) {
      return -walked;
    }
    walk.text ??= bytes.toString('latin1');
    const quote = walk.text.indexOf('"', walked);
    if (quote < 0 || !isEscaped(bytes, walked, quote)) {
      return quote < 0 ? -1 : quote + 1;
    }
    at = quote + 1;
  }
}

/** One behind the closing quote, negated, where it stands before `near`; else where the walk stopped. */
function walkString(bytes: Buffer, from: number, near: number): number {
  let at = from;
  while (at < near) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      return -(at + 1);
    }
    at += byte === BACKSLASH ? 2 : 1;
  }
  return at;
}

/** An odd number of backslashes between `from`, which is no escape's second byte, and `quote`. */
function isEscaped(bytes: Buffer, from: number, quote: number): boolean {
  let at = quote - 1;
  while (at >= from && bytes[at] === BACKSLASH) {
    at--;
  }
  return ((quote - at) & 1) === 0;
}

/** One behind the value that starts at `start`; -1 when there is none, or it does not close. Counts its text. */
export function skipValue(walk: Walk, start: number): number {
  const byte = walk.bytes[start];
  if (byte === QUOTE) {
    const end = stringEnd(walk, start);
    walk.isAfterData = false;
    countText(walk, { start, end });
    return end;
  }
  if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
    return skipContainer(walk, start);
  }
  const end = skipScalar(walk.bytes, start);
  return end === start ? -1 : end;
}

function skipContainer(walk: Walk, start: number): number {
  const { bytes } = walk;
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = skipInnerString(walk, at);
      if (end < 0) {
        return -1;
      }
      at = end - 1;
    } else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
      depth++;
    } else if ((byte === BRACE_CLOSE || byte === BRACKET_CLOSE) && --depth === 0) {
      return at + 1;
    }
  }
  return -1;
}

/** A key or a value: only the colon behind it tells. */
function skipInnerString(walk: Walk, start: number): number {
  const { bytes } = walk;
  const end = stringEnd(walk, start);
  const isKey = end >= 0 && bytes[skipSpace(bytes, end)] === COLON;
  if (!isKey) {
    countText(walk, { start, end });
  }
  walk.isAfterData = isKey && isDataKey(bytes, start, end);
  return end;
}

function skipScalar(bytes: Buffer, start: number): number {
  let at = start;
  for (let byte = bytes[at]; byte !== undefined; byte = bytes[++at]) {
    if (byte <= SPACE || byte === COMMA || byte === BRACE_CLOSE || byte === BRACKET_CLOSE) {
      break;
    }
  }
  return at;
}

function countText(walk: Walk, { start, end }: Span): void {
  const length = end - start - 2;
  if (length > BINARY_BYTES_MIN && (walk.isAfterData || isDataUrl(walk.bytes, start + 1))) {
    return;
  }
  walk.textBytes += Math.max(0, length);
}

/** Anthropic's `source.data`, OpenAI's `input_audio.data` and Google's `inline_data.data` hold base64. */
function isDataKey(bytes: Buffer, start: number, end: number): boolean {
  return end - start === DATA.length + 2 && hasAt(bytes, start + 1, DATA);
}

/** OpenAI's `image_url.url` holds `data:image/png;base64,…`. */
function isDataUrl(bytes: Buffer, start: number): boolean {
  return hasAt(bytes, start, DATA) && bytes[start + DATA.length] === COLON;
}

const DATA = 'data';

/** Whether the text, of ASCII characters, stands at `at`. */
export function hasAt(bytes: Buffer, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[at + index] !== text.charCodeAt(index)) {
      return false;
    }
  }
  return true;
}

/** Offset of the first byte at or after `at` that is not JSON white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  let next = at;
  for (let byte = bytes[next]; byte !== undefined && byte <= SPACE; byte = bytes[next]) {
    if (byte !== SPACE && byte !== NEW_LINE && byte !== RETURN && byte !== TAB) {
      break;
    }
    next++;
  }
  return next;
}
