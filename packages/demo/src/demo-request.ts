import { countWords } from './words.ts';

/** What the demo provider read out of a request, in its own tokens (one word, one token). */
export interface DemoRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly serviceTier: string | null;
  /** Words of the prompt that are not marked as cached. */
  readonly inputTokens: number;
  /** Words of blocks with `cache_control` (Anthropic) or of the system message (OpenAI): the demo's cache is always warm. */
  readonly cachedTokens: number;
  /** Words of the answer without reasoning. */
  readonly outputTokens: number;
  /** 10 where `reasoning_effort` was sent, else 0. */
  readonly reasoningTokens: number;
}

const REASONING_TOKENS = 10;
const OUTPUT_TOKENS_DEFAULT = 16;

/** Reads a chat completion request. A body that is no JSON object is an error of the caller. */
export function readOpenAiRequest(body: string): DemoRequest {
  const request = readObject(body);
  const counts = countMessages(request['messages'], (message) => message['role'] === 'system');
  const options = asObject(request['stream_options']);
  return {
    model: String(request['model']),
    stream: request['stream'] === true,
    includeUsage: options['include_usage'] === true,
    serviceTier: typeof request['service_tier'] === 'string' ? request['service_tier'] : null,
    ...counts,
    outputTokens: Number(request['max_completion_tokens'] ?? request['max_tokens'] ?? OUTPUT_TOKENS_DEFAULT),
    reasoningTokens: request['reasoning_effort'] === undefined ? 0 : REASONING_TOKENS,
  };
}

/** Reads a Messages request. */
export function readAnthropicRequest(body: string): DemoRequest {
  const request = readObject(body);
  const system = typeof request['system'] === 'string' ? [{ text: request['system'] }] : request['system'];
  const messages = Array.isArray(request['messages']) ? request['messages'] : [];
  const counts = countMessages([...messages, { content: system ?? [] }], () => false);
  return {
    model: String(request['model']),
    stream: request['stream'] === true,
    includeUsage: true,
    serviceTier: typeof request['service_tier'] === 'string' ? request['service_tier'] : null,
    ...counts,
    outputTokens: Number(request['max_tokens'] ?? OUTPUT_TOKENS_DEFAULT),
    reasoningTokens: 0,
  };
}

type JsonObject = Record<string, unknown>;

function countMessages(messages: unknown, isCached: (message: JsonObject) => boolean) {
  let inputTokens = 0;
  let cachedTokens = 0;
  for (const message of Array.isArray(messages) ? messages.map(asObject) : []) {
    for (const block of blocksOf(message['content'])) {
      const words = countWords(String(block['text'] ?? ''));
      if (isCached(message) || block['cache_control'] !== undefined) cachedTokens += words;
      else inputTokens += words;
    }
  }
  return { inputTokens, cachedTokens };
}

function blocksOf(content: unknown): JsonObject[] {
  if (typeof content === 'string') return [{ text: content }];
  return Array.isArray(content) ? content.map(asObject) : [];
}

function readObject(body: string): JsonObject {
  return asObject(JSON.parse(body));
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {}; // any JSON object
}
