import { COLON, OPEN_BRACE, QUOTE, skipSpace } from './json-scan.ts';

/** What one event of a stream may carry, one bit each. */
export const FRAME_MARKS = {
  /** A non-empty string of output: text, reasoning or tool arguments. */
  delta: 1 << 0,
  /** A member `usage` that is an object. */
  usage: 1 << 1,
  /** A member `finish_reason` that is a string. */
  finish: 1 << 2,
  /** A member `error` that is an object or a string. */
  error: 1 << 3,
} as const;

/**
 * Marks an event by one walk over its bytes, without allocation: a stream has hundreds of events and only
 * two or three are worth parsing. It stops at colons that follow a quote and looks at the value first, because
 * most values (null, numbers, lists) can mark nothing. Members count at any depth, so a mark means "look
 * closer", except `delta`, which is taken as it is. A quote inside a string is escaped in JSON, so content
 * that talks about `"usage":{` sets no mark. Members whose name ends before `from` are passed over.
 */
export function markFrame(data: Uint8Array, from = 0): number {
  let marks = 0;
  for (let colon = nextColon(data, from); colon > 0; colon = nextColon(data, colon)) {
    marks |= markAtColon(data, colon);
  }
  return marks;
}

/** The first colon whose member sets one of the marks `wanted`; −1: none does. */
export function findMarked(data: Uint8Array, wanted: number, from = 0): number {
  for (let colon = nextColon(data, from); colon > 0; colon = nextColon(data, colon)) {
    if ((markAtColon(data, colon) & wanted) !== 0) return colon;
  }
  return -1;
}

/** The next colon behind a quote that stands at `from` or later; −1: there is none. */
function nextColon(data: Uint8Array, from: number): number {
  const { length } = data;
  // Of the pair `":` one byte stands at an even distance, so every other byte is enough to find it.
  for (let at = from + 1; at < length; at += 2) {
    const byte = data[at];
    if (byte === COLON && data[at - 1] === QUOTE) return at;
    if (byte === QUOTE && data[at + 1] === COLON) return at + 1;
  }
  return -1;
}

interface MarkedMember {
  readonly name: string;
  readonly mark: number;
}

const OBJECT_MEMBERS: readonly MarkedMember[] = [
  { name: 'usage', mark: FRAME_MARKS.usage },
  { name: 'error', mark: FRAME_MARKS.error },
];

const TEXT_MEMBERS: readonly MarkedMember[] = [
  { name: 'finish_reason', mark: FRAME_MARKS.finish },
  { name: 'error', mark: FRAME_MARKS.error },
  // Chat: `content`, `refusal`, tool `arguments`; DeepSeek, Moonshot, Alibaba `reasoning_content`; Groq and
  // OpenRouter `reasoning`; legacy completions and Mistral's lists `text`.
  { name: 'content', mark: FRAME_MARKS.delta },
  { name: 'refusal', mark: FRAME_MARKS.delta },
  { name: 'arguments', mark: FRAME_MARKS.delta },
  { name: 'reasoning_content', mark: FRAME_MARKS.delta },
  { name: 'reasoning', mark: FRAME_MARKS.delta },
  { name: 'text', mark: FRAME_MARKS.delta },
  // Anthropic: `text` as above, `thinking`, tool arguments as `partial_json`.
  { name: 'thinking', mark: FRAME_MARKS.delta },
  { name: 'partial_json', mark: FRAME_MARKS.delta },
];

const OBJECT_MEMBERS_BY_ENDING = byEnding(OBJECT_MEMBERS);
const TEXT_MEMBERS_BY_ENDING = byEnding(TEXT_MEMBERS);

type ByEnding = readonly (readonly MarkedMember[] | null)[];

/** Members by the code of the last letter of their name. */
function byEnding(members: readonly MarkedMember[]): ByEnding {
  return Array.from({ length: 256 }, (_, code) => {
    const ending = members.filter(({ name }) => name.charCodeAt(name.length - 1) === code);
    return ending.length === 0 ? null : ending;
  });
}

function markAtColon(data: Uint8Array, colon: number): number {
  let value = colon + 1;
  if (data[value] === SPACE) value = skipSpace(data, value);
  const first = data[value];
  if (first === OPEN_BRACE) return markOfName(data, colon, OBJECT_MEMBERS_BY_ENDING);
  // An empty string is no output and no reason.
  if (first === QUOTE && data[value + 1] !== QUOTE) return markOfName(data, colon, TEXT_MEMBERS_BY_ENDING);
  return 0;
}

/** The mark of the member whose name ends before the colon; 0: none of them. */
function markOfName(data: Uint8Array, colon: number, members: ByEnding): number {
  const candidates = members[data[colon - 2] ?? 0] ?? null;
  if (candidates === null) return 0;
  for (const { name, mark } of candidates) {
    if (endsAt(data, colon - 1, name)) return mark;
  }
  return 0;
}

/** Whether the quoted name ends with the quote at `quote`. Compared backwards: endings differ soonest. */
function endsAt(data: Uint8Array, quote: number, name: string): boolean {
  const start = quote - name.length;
  for (let index = name.length - 2; index >= 0; index -= 1) {
    if (data[start + index] !== name.charCodeAt(index)) return false;
  }
  return data[start - 1] === QUOTE;
}

const SPACE = 0x20;
