import type { DemoRequest } from './demo-request.ts';
import { wordsOf } from './words.ts';

/** A `chat.completion` body in OpenAI's shape (platform.openai.com/docs/api-reference/chat, read 2026-11-24). */
export function openAiBody(request: DemoRequest, id: string, createdSeconds: number): string {
  return JSON.stringify({
    ...head(request, id, createdSeconds, 'chat.completion'),
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: wordsOf(request.outputTokens),
          refusal: null,
          annotations: [],
        },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: usageOf(request),
  });
}

/**
 * The frames of a stream, a JSON text each, `[DONE]` last. With `include_usage` every chunk carries
 * `"usage":null` and one more chunk without choices brings the counts.
 */
export function openAiFrames(request: DemoRequest, id: string, createdSeconds: number): string[] {
  const base = head(request, id, createdSeconds, 'chat.completion.chunk');
  const tail = request.includeUsage ? { usage: null } : {};
  const chunk = (delta: object, finishReason: string | null) =>
    JSON.stringify({
      ...base,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...tail,
    });
  const words = wordsOf(request.outputTokens).split(' ');
  return [
    chunk({ role: 'assistant', content: '', refusal: null }, null),
    ...words.map((word, index) => chunk({ content: index === 0 ? word : ` ${word}` }, null)),
    chunk({}, 'stop'),
    ...(request.includeUsage ? [JSON.stringify({ ...base, choices: [], usage: usageOf(request) })] : []),
    '[DONE]',
  ];
}

function head(request: DemoRequest, id: string, createdSeconds: number, object: string) {
  return {
    id: `chatcmpl-${id}`,
    object,
    created: createdSeconds,
    model: request.model,
    service_tier: request.serviceTier ?? 'default',
    system_fingerprint: null,
  };
}

function usageOf(request: DemoRequest) {
  const promptTokens = request.inputTokens + request.cachedTokens;
  const completionTokens = request.outputTokens + request.reasoningTokens;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: request.cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: request.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
