import { USAGE_FLAGS } from '@meterstone/metering';
import { asObject, type JsonObject } from './json-value.ts';
import { addSplit, addTokens, countOf, type TokenSheet } from './token-sheet.ts';

/** The counts of one usage object or iteration of Anthropic's Messages API; `null`: not told. */
export interface MessageCounts {
  /** Without cache reads and writes: Anthropic counts exclusively. */
  readonly input: number | null;
  readonly cacheRead: number | null;
  /** All cache writes; the two lifetimes are parts of it. */
  readonly cacheWrite: number | null;
  readonly cacheWrite5m: number | null;
  readonly cacheWrite1h: number | null;
  /** With thinking. */
  readonly output: number | null;
  readonly thinking: number | null;
}

/** Reads the counts; what is malformed is flagged on the sheet and absent. */
export function messageCounts(usage: JsonObject, sheet: TokenSheet): MessageCounts {
  const split = asObject(usage['cache_creation']);
  const details = asObject(usage['output_tokens_details']);
  return {
    input: countOf(usage['input_tokens'], sheet),
    cacheRead: countOf(usage['cache_read_input_tokens'], sheet),
    cacheWrite: countOf(usage['cache_creation_input_tokens'], sheet),
    cacheWrite5m: countOf(split?.['ephemeral_5m_input_tokens'], sheet),
    cacheWrite1h: countOf(split?.['ephemeral_1h_input_tokens'], sheet),
    output: countOf(usage['output_tokens'], sheet),
    thinking: countOf(details?.['thinking_tokens'], sheet),
  };
}

/** Adds the counts to the disjoint buckets of a line. */
export function addMessageCounts(sheet: TokenSheet, counts: MessageCounts): void {
  addTokens(sheet, 'inputTokens', counts.input);
  addTokens(sheet, 'cacheReadTokens', counts.cacheRead);
  addCacheWrites(sheet, counts);
  addSplit(sheet, {
    rest: 'outputTokens',
    whole: counts.output,
    parts: [{ bucket: 'reasoningTokens', tokens: counts.thinking }],
  });
}

/** Whether two counts tell the same totals; absent counts as 0 here, because iterations leave zeros out. */
export function sameTotals(left: MessageCounts, right: MessageCounts): boolean {
  return TOTALS.every((total) => (left[total] ?? 0) === (right[total] ?? 0));
}

/** Totals added up; parts are left out, since nothing compares them. */
export function sumOfCounts(list: readonly MessageCounts[]): MessageCounts {
  const sum = (total: (typeof TOTALS)[number]) => list.reduce((all, counts) => all + (counts[total] ?? 0), 0);
  return {
    input: sum('input'),
    cacheRead: sum('cacheRead'),
    cacheWrite: sum('cacheWrite'),
    cacheWrite5m: null,
    cacheWrite1h: null,
    output: sum('output'),
    thinking: null,
  };
}

const TOTALS = ['input', 'cacheRead', 'cacheWrite', 'output'] as const;

/**
 * The two lifetimes are priced apart, so every write must get one. A `message_delta` brings a greater total
 * but no split (recorded 3,068 → 3,337: vercel/ai, anthropic-code-execution-20260120-prompt-cache.1, read
 * 2026-11-24), and old answers have no split at all: the rest goes to 1 h where the split shows writes of
 * 1 h alone, else to the API's default of 5 m, and is flagged. A split above its total is a contradiction:
 * the total stands, its lifetime is assumed.
 */
function addCacheWrites(sheet: TokenSheet, counts: MessageCounts): void {
  const { cacheWrite, cacheWrite5m, cacheWrite1h } = counts;
  const parts = (cacheWrite5m ?? 0) + (cacheWrite1h ?? 0);
  if (cacheWrite === null || cacheWrite === parts) {
    // A total that its parts exhaust says that the untold lifetime had none.
    const untold = cacheWrite === null ? null : 0;
    addTokens(sheet, 'cacheWrite5mTokens', cacheWrite5m ?? untold);
    addTokens(sheet, 'cacheWrite1hTokens', cacheWrite1h ?? untold);
    return;
  }
  sheet.usageFlags |= USAGE_FLAGS.assumedCacheLifetime;
  const rest =
    (cacheWrite1h ?? 0) > 0 && (cacheWrite5m ?? 0) === 0 ? 'cacheWrite1hTokens' : 'cacheWrite5mTokens';
  if (parts > cacheWrite) {
    sheet.usageFlags |= USAGE_FLAGS.negativePart;
    addTokens(sheet, rest, cacheWrite);
    return;
  }
  addTokens(sheet, 'cacheWrite5mTokens', cacheWrite5m);
  addTokens(sheet, 'cacheWrite1hTokens', cacheWrite1h);
  addTokens(sheet, rest, cacheWrite - parts);
}
