import type { TokenBucket } from '@meterstone/metering';

/** What one call used, in the terms in which providers count. */
interface CallSize {
  /** All of the prompt. */
  readonly promptTokens: number;
  /** Of these. */
  readonly cachedTokens: number;
  readonly writtenTokens: number;
  /** All of the answer. */
  readonly outputTokens: number;
  /** Of these. */
  readonly reasoningTokens: number;
}

/** A provider's usage object and what it means in buckets. */
interface UsageShape {
  readonly raw: (size: CallSize) => string;
  readonly tokens: (size: CallSize) => Partial<Record<TokenBucket, number>>;
  /** Answers are named like this, with so many random letters and digits behind. */
  readonly responseId: { readonly prefix: string; readonly characters: number };
}

/** OpenAI's chat completions: totals that include their parts. */
const OPENAI_CHAT: UsageShape = {
  raw: ({ promptTokens, cachedTokens, outputTokens, reasoningTokens }) =>
    `{"prompt_tokens":${promptTokens},"completion_tokens":${outputTokens},"total_tokens":${promptTokens + outputTokens},` +
    `"prompt_tokens_details":{"cached_tokens":${cachedTokens},"audio_tokens":0},` +
    `"completion_tokens_details":{"reasoning_tokens":${reasoningTokens},"audio_tokens":0,` +
    '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}',
  tokens: ({ promptTokens, cachedTokens, outputTokens, reasoningTokens }) => ({
    inputTokens: promptTokens - cachedTokens,
    cacheReadTokens: cachedTokens,
    outputTokens: outputTokens - reasoningTokens,
    reasoningTokens,
    inputAudioTokens: 0,
    outputAudioTokens: 0,
  }),
  responseId: { prefix: 'chatcmpl-', characters: 29 },
};

/** Anthropic's messages: disjoint counts, cache writes by lifetime. */
const ANTHROPIC_MESSAGES: UsageShape = {
  raw: ({ promptTokens, cachedTokens, writtenTokens, outputTokens }) =>
    `{"input_tokens":${promptTokens - cachedTokens - writtenTokens},"cache_creation_input_tokens":${writtenTokens},` +
    `"cache_read_input_tokens":${cachedTokens},"cache_creation":{"ephemeral_5m_input_tokens":${writtenTokens},` +
    `"ephemeral_1h_input_tokens":0},"output_tokens":${outputTokens},"service_tier":"standard"}`,
  tokens: ({ promptTokens, cachedTokens, writtenTokens, outputTokens }) => ({
    inputTokens: promptTokens - cachedTokens - writtenTokens,
    cacheReadTokens: cachedTokens,
    cacheWrite5mTokens: writtenTokens,
    cacheWrite1hTokens: 0,
    outputTokens,
  }),
  responseId: { prefix: 'msg_01', characters: 22 },
};

/** Totals and nothing else. */
const MISTRAL_CHAT: UsageShape = {
  raw: ({ promptTokens, outputTokens }) =>
    `{"prompt_tokens":${promptTokens},"total_tokens":${promptTokens + outputTokens},"completion_tokens":${outputTokens}}`,
  tokens: ({ promptTokens, outputTokens }) => ({ inputTokens: promptTokens, outputTokens }),
  responseId: { prefix: '', characters: 32 },
};

/** Totals among timings. */
const GROQ_CHAT: UsageShape = {
  raw: ({ promptTokens, outputTokens }) =>
    `{"queue_time":0.0${promptTokens * 7919},"prompt_tokens":${promptTokens},"prompt_time":0.00${promptTokens * 104729},` +
    `"completion_tokens":${outputTokens},"completion_time":${outputTokens}.24${outputTokens * 7919},` +
    `"total_tokens":${promptTokens + outputTokens},"total_time":${outputTokens}.28${promptTokens * 7919}}`,
  tokens: MISTRAL_CHAT.tokens,
  responseId: { prefix: 'chatcmpl-', characters: 36 },
};

/** As OpenAI's, with what the cache gave and did not give beside it. */
const DEEPSEEK_CHAT: UsageShape = {
  raw: ({ promptTokens, cachedTokens, outputTokens, reasoningTokens }) =>
    `{"prompt_tokens":${promptTokens},"completion_tokens":${outputTokens},"total_tokens":${promptTokens + outputTokens},` +
    `"prompt_tokens_details":{"cached_tokens":${cachedTokens}},"completion_tokens_details":{"reasoning_tokens":` +
    `${reasoningTokens}},"prompt_cache_hit_tokens":${cachedTokens},"prompt_cache_miss_tokens":${promptTokens - cachedTokens}}`,
  tokens: ({ promptTokens, cachedTokens, outputTokens, reasoningTokens }) => ({
    inputTokens: promptTokens - cachedTokens,
    cacheReadTokens: cachedTokens,
    outputTokens: outputTokens - reasoningTokens,
    reasoningTokens,
  }),
  responseId: { prefix: '', characters: 36 },
};

/** One model that the traffic calls. */
export interface TrafficModel {
  readonly provider: string;
  readonly requestModel: string;
  readonly responseModel: string;
  readonly operation: string;
  readonly serviceTier: string | null;
  readonly shape: UsageShape;
  readonly reasons: boolean;
}

type Row = readonly [provider: string, model: string, served: string, shape: UsageShape];

const ROWS: readonly Row[] = [
  ['openai', 'gpt-5-mini', 'gpt-5-mini-2025-08-07', OPENAI_CHAT],
  ['openai', 'gpt-5', 'gpt-5-2025-08-07', OPENAI_CHAT],
  ['openai', 'gpt-4.1-mini', 'gpt-4.1-mini-2025-04-14', OPENAI_CHAT],
  ['openai', 'gpt-4o', 'gpt-4o-2024-08-06', OPENAI_CHAT],
  ['openai', 'o4-mini', 'o4-mini-2025-04-16', OPENAI_CHAT],
  ['anthropic', 'claude-sonnet-4-5', 'claude-sonnet-4-5-20250929', ANTHROPIC_MESSAGES],
  ['anthropic', 'claude-haiku-4-5', 'claude-haiku-4-5-20251001', ANTHROPIC_MESSAGES],
  ['anthropic', 'claude-opus-4-5', 'claude-opus-4-5-20251101', ANTHROPIC_MESSAGES],
  ['mistral', 'mistral-small-latest', 'mistral-small-latest', MISTRAL_CHAT],
  ['groq', 'llama-3.3-70b-versatile', 'llama-3.3-70b-versatile', GROQ_CHAT],
  ['deepseek', 'deepseek-chat', 'deepseek-chat', DEEPSEEK_CHAT],
  ['deepseek', 'deepseek-reasoner', 'deepseek-reasoner', DEEPSEEK_CHAT],
];

export const TRAFFIC_MODELS: readonly TrafficModel[] = ROWS.map(
  ([provider, requestModel, responseModel, shape]) => ({
    provider,
    requestModel,
    responseModel,
    shape,
    operation: shape === ANTHROPIC_MESSAGES ? 'messages' : 'chat',
    serviceTier: provider === 'openai' ? 'default' : provider === 'anthropic' ? 'standard' : null,
    reasons: /gpt-5|o4|reasoner/.test(requestModel),
  }),
);
