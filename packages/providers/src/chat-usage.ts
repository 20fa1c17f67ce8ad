import { roundAmount, USAGE_FLAGS } from '@meterstone/metering';
import type { UsageLine } from './answer.ts';
import { scanMembers } from './json-scan.ts';
import { asObject, type JsonObject, parseJson, textOf } from './json-value.ts';
import { addSplit, countOf, createSheet, isCount, type TokenSheet } from './token-sheet.ts';
import { rawUsageOf } from './usage-raw.ts';

/** How a host counts what it shows nowhere else. */
export interface ChatHabits {
  /**
   * `total − prompt − completion` is hidden reasoning. True of Gemini's OpenAI-compatible endpoint alone
   * (recorded 35 + 12 of 109: pydantic-ai, test_compatible_api_with_tool_calls_without_id, read 2026-11-24);
   * elsewhere a difference is only flagged.
   */
  readonly hiddenReasoningInTotal: boolean;
}

/**
 * Line 0 from the usage object of a chat-completions-shaped answer. Its counts are inclusive: cache reads,
 * cache writes, audio, images and video are parts of `prompt_tokens`; reasoning, audio and images of
 * `completion_tokens` (so are accepted and rejected predictions, which are billed as output).
 */
export function readChatUsage(
  usage: Uint8Array,
  responseModel: string | null,
  habits: ChatHabits,
): UsageLine {
  const text = textOf(usage);
  const fields = asObject(parseJson(text));
  const sheet = createSheet();
  const cost = fillSheet(sheet, fields, habits) ? costOf(usage, fields, sheet) : null;
  const raw = rawUsageOf(text);
  return {
    line: 0,
    responseModel,
    tokens: sheet.tokens,
    presentBuckets: sheet.presentBuckets,
    quantities: quantitiesOf(fields, sheet),
    providerReportedCost: cost,
    usageFlags: sheet.usageFlags | raw.usageFlags,
    usageRaw: raw.text,
  };
}

function fillSheet(sheet: TokenSheet, fields: JsonObject | null, habits: ChatHabits): fields is JsonObject {
  if (fields === null) return false;
  const prompt = countOf(fields['prompt_tokens'], sheet);
  const completion = countOf(fields['completion_tokens'], sheet);
  const total = countOf(fields['total_tokens'], sheet);
  fillInput(sheet, fields, prompt);
  const hidden = habits.hiddenReasoningInTotal ? residualOf(total, prompt, completion) : 0;
  fillOutput(sheet, fields, { completion, hidden });
  if (total !== null && total !== sheet.sum) sheet.usageFlags |= USAGE_FLAGS.totalMismatch;
  return true;
}

function fillInput(sheet: TokenSheet, fields: JsonObject, prompt: number | null): void {
  // Mistral has spelled it both ways (its SDK and answers of 2026, read 2026-11-24).
  const details = asObject(fields['prompt_tokens_details']) ?? asObject(fields['prompt_token_details']);
  addSplit(sheet, {
    rest: 'inputTokens',
    whole: prompt,
    parts: [
      { bucket: 'cacheReadTokens', tokens: cachedOf(sheet, fields, details) },
      // No lifetime is named: OpenAI since gpt-5.6, OpenRouter.
      { bucket: 'cacheWriteTokens', tokens: countOf(details?.['cache_write_tokens'], sheet) },
      { bucket: 'inputAudioTokens', tokens: countOf(details?.['audio_tokens'], sheet) },
      { bucket: 'inputImageTokens', tokens: countOf(details?.['image_tokens'], sheet) },
      { bucket: 'inputVideoTokens', tokens: countOf(details?.['video_tokens'], sheet) },
    ],
  });
}

/**
 * Cache reads under every name they go by: `cached_tokens` in the details (OpenAI and most),
 * `prompt_cache_hit_tokens` (DeepSeek, beside a miss count), `num_cached_tokens` (Mistral), `cached_tokens`
 * at top level (Moonshot, Together through HuggingFace). One number under several names is not added up; a
 * host that fills one name and leaves another at 0 means the filled one, hence the greatest.
 */
function cachedOf(sheet: TokenSheet, fields: JsonObject, details: JsonObject | null): number | null {
  const detailed = countOf(details?.['cached_tokens'], sheet);
  const hits = countOf(fields['prompt_cache_hit_tokens'], sheet);
  const numbered = countOf(fields['num_cached_tokens'], sheet);
  const plain = countOf(fields['cached_tokens'], sheet);
  return greater(greater(detailed, hits), greater(numbered, plain));
}

function greater(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  return Math.max(left, right);
}

interface OutputCounts {
  readonly completion: number | null;
  readonly hidden: number;
}

function fillOutput(sheet: TokenSheet, fields: JsonObject, { completion, hidden }: OutputCounts): void {
  const details = asObject(fields['completion_tokens_details']);
  const reasoning =
    countOf(details?.['reasoning_tokens'], sheet) ??
    // At top level: Perplexity, and DeepSeek models on Azure Foundry.
    countOf(fields['reasoning_tokens'], sheet) ??
    (hidden > 0 ? hidden : null);
  addSplit(sheet, {
    rest: 'outputTokens',
    whole: completion === null ? null : completion + hidden,
    parts: [
      { bucket: 'reasoningTokens', tokens: reasoning },
      { bucket: 'outputAudioTokens', tokens: countOf(details?.['audio_tokens'], sheet) },
      { bucket: 'outputImageTokens', tokens: countOf(details?.['image_tokens'], sheet) },
    ],
  });
}

function residualOf(total: number | null, prompt: number | null, completion: number | null): number {
  if (total === null || prompt === null || completion === null) return 0;
  return Math.max(0, total - prompt - completion);
}

/** Per-call quantities: OpenRouter's searches, Perplexity's searches and citations, Mistral's audio. */
function quantitiesOf(fields: JsonObject | null, sheet: TokenSheet): Record<string, number> {
  const tools = asObject(fields?.['server_tool_use_details']) ?? asObject(fields?.['server_tool_use']);
  const audioSeconds = fields?.['prompt_audio_seconds'];
  const quantities: Record<string, number> = {};
  const add = (name: string, count: number | null) => {
    if (count !== null && count > 0) quantities[name] = count;
  };
  add('web_search_requests', countOf(tools?.['web_search_requests'], sheet));
  add('search_queries', countOf(fields?.['num_search_queries'], sheet));
  add('citation_tokens', countOf(fields?.['citation_tokens'], sheet));
  // Mistral sends `{}` for "no audio" (recorded mistral-transcription, read 2026-11-24).
  add('audio_ms', typeof audioSeconds === 'number' ? millisecondsOf(audioSeconds) : null);
  return quantities;
}

function millisecondsOf(seconds: number): number | null {
  const milliseconds = Math.round(seconds * 1000);
  return isCount(milliseconds) ? milliseconds : null;
}

/**
 * What the host says it charged, in USD: `cost` (OpenRouter, where with a caller's own key it is the fee
 * alone), or its `total_cost` (Perplexity). Read from the text, because a parsed number is a float already.
 */
function costOf(usage: Uint8Array, fields: JsonObject, sheet: TokenSheet): bigint | null {
  const cost = fields['cost'];
  if (cost === undefined || cost === null) return null;
  const text = numberTextOf(usage, 0, 'cost');
  if (text === null || text === 'null') return null;
  const pico = roundAmount(text);
  if (pico !== null && pico >= 0n) return pico;
  sheet.usageFlags |= USAGE_FLAGS.malformedCount;
  return null;
}

function numberTextOf(usage: Uint8Array, from: number, name: 'cost' | 'total_cost'): string | null {
  const span = scanMembers(usage, [name], from)?.get(name);
  if (span === undefined) return null;
  const text = textOf(usage.subarray(span.start, span.end));
  return name === 'cost' && text.startsWith('{') ? numberTextOf(usage, span.start, 'total_cost') : text;
}
