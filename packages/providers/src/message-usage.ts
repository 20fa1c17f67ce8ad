import { USAGE_FLAGS } from '@meterstone/metering';
import type { UsageLine } from './answer.ts';
import { asObject, type JsonObject } from './json-value.ts';
import { addMessageCounts, messageCounts } from './message-counts.ts';
import { type Iterations, type ModelCounts, readIterations } from './message-iterations.ts';
import { countOf, createSheet, type TokenSheet } from './token-sheet.ts';
import { rawUsageOf } from './usage-raw.ts';

/** A message's usage object, or what the events of its stream came to. */
export interface MessageUsage {
  readonly fields: JsonObject;
  /** The text the fields were read from. */
  readonly raw: string;
  /** The model named beside it. */
  readonly responseModel: string | null;
}

/**
 * The lines of an Anthropic answer. Line 0 is the served model: top-level counts plus compactions. Further
 * lines, one per model: advisors, and fallback hops that declined after some output. Hops are left out when
 * the top level does not tell them apart (flagged `totalMismatch`), because then it may hold them already.
 */
export function readMessageUsage({ fields, raw, responseModel }: MessageUsage): readonly UsageLine[] {
  const sheet = createSheet();
  const top = messageCounts(fields, sheet);
  addMessageCounts(sheet, top);
  const iterations = readIterations(fields, top, sheet);
  for (const compaction of iterations?.compactions ?? []) addMessageCounts(sheet, compaction);
  const quantities = serverToolRequests(fields, sheet);
  const others = otherModels(iterations);
  const kept = others.slice(0, FURTHER_LINES_MAX);
  const text = rawUsageOf(raw);
  const line: UsageLine = {
    line: 0,
    responseModel: iterations?.servedModel ?? responseModel,
    tokens: sheet.tokens,
    presentBuckets: sheet.presentBuckets,
    quantities,
    providerReportedCost: null,
    usageFlags:
      sheet.usageFlags | text.usageFlags | flagsOf(iterations, quantities) | lostLines(others, kept),
    usageRaw: text.text,
  };
  return [line, ...kept.map(furtherLine)];
}

/** The tier served; fast mode is priced like a tier of its own, so `speed: "fast"` goes first. */
export function servedTier(fields: JsonObject): unknown {
  return fields['speed'] === 'fast' ? 'fast' : fields['service_tier'];
}

/** Bounds the events of one answer; more models than this in one answer were never seen. */
const FURTHER_LINES_MAX = 16;
/** Bounds the quantities of one line. */
const SERVER_TOOLS_MAX = 16;
const SERVER_TOOL_NAME = /^[a-z][a-z0-9_]{0,50}_requests$/;

/** `server_tool_use` as it stands: `web_search_requests`, `web_fetch_requests`, and what comes next. */
function serverToolRequests(fields: JsonObject, sheet: TokenSheet): Record<string, number> {
  const tools = asObject(fields['server_tool_use']);
  const quantities: Record<string, number> = {};
  for (const name of Object.keys(tools ?? {}).slice(0, SERVER_TOOLS_MAX)) {
    const count = SERVER_TOOL_NAME.test(name) ? countOf(tools?.[name], sheet) : null;
    if (count !== null && count > 0) quantities[name] = count;
  }
  return quantities;
}

function flagsOf(iterations: Iterations | null, quantities: Readonly<Record<string, number>>): number {
  if (iterations === null) {
    // A server tool means at least two sampling calls in one count.
    return Object.keys(quantities).length > 0 ? USAGE_FLAGS.ambiguousTier : 0;
  }
  const calls = iterations.served.length + iterations.compactions.length;
  return (
    (calls > 1 ? USAGE_FLAGS.ambiguousTier : 0) |
    (iterations.contradictory ? USAGE_FLAGS.totalMismatch : 0) |
    (iterations.servedModel === null ? 0 : USAGE_FLAGS.fallbackBilling)
  );
}

interface OtherModel {
  readonly model: string;
  readonly sheet: TokenSheet;
}

/** One sheet per model: calls of the same model are added up, and then their tier is ambiguous. */
function otherModels(iterations: Iterations | null): readonly OtherModel[] {
  if (iterations === null) return [];
  const sheets = new Map<string, TokenSheet>();
  for (const advisor of iterations.advisors) addCall(sheets, advisor, 0);
  const declined = iterations.contradictory ? [] : iterations.declined;
  for (const hop of declined) addCall(sheets, hop, USAGE_FLAGS.fallbackBilling);
  return [...sheets].map(([model, sheet]) => ({ model, sheet }));
}

function addCall(sheets: Map<string, TokenSheet>, { model, counts }: ModelCounts, usageFlags: number): void {
  const known = sheets.get(model);
  const sheet = known ?? createSheet();
  addMessageCounts(sheet, counts);
  sheet.usageFlags |= usageFlags | (known === undefined ? 0 : USAGE_FLAGS.ambiguousTier);
  sheets.set(model, sheet);
}

function furtherLine({ model, sheet }: OtherModel, index: number): UsageLine {
  return {
    line: index + 1,
    responseModel: model,
    tokens: sheet.tokens,
    presentBuckets: sheet.presentBuckets,
    quantities: {},
    providerReportedCost: null,
    usageFlags: sheet.usageFlags,
    usageRaw: null,
  };
}

function lostLines(all: readonly unknown[], kept: readonly unknown[]): number {
  return all.length > kept.length ? USAGE_FLAGS.totalMismatch : 0;
}
