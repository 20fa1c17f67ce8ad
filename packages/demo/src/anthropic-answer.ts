import type { DemoRequest } from './demo-request.ts';
import { wordsOf } from './words.ts';

/** A `message` body in Anthropic's shape (platform.claude.com/docs/en/api/messages, read 2026-11-24). */
export function anthropicBody(request: DemoRequest, id: string): string {
  return JSON.stringify({
    ...messageOf(request, id),
    content: [{ type: 'text', text: wordsOf(request.outputTokens) }],
    stop_reason: 'end_turn',
    usage: usageOf(request, request.outputTokens),
  });
}

/** One event of a Messages stream: its name and its JSON text. */
export interface AnthropicFrame {
  readonly event: string;
  readonly data: string;
}

/** The events of a stream: `message_start` holds the input counts, `message_delta` the cumulative output. */
export function anthropicFrames(request: DemoRequest, id: string): AnthropicFrame[] {
  const start = { ...messageOf(request, id), content: [], stop_reason: null, usage: usageOf(request, 1) };
  const words = wordsOf(request.outputTokens).split(' ');
  return [
    frame('message_start', { message: start }),
    frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    frame('ping', {}),
    ...words.map((word, index) =>
      frame('content_block_delta', {
        index: 0,
        delta: { type: 'text_delta', text: index === 0 ? word : ` ${word}` },
      }),
    ),
    frame('content_block_stop', { index: 0 }),
    frame('message_delta', {
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: request.outputTokens },
    }),
    frame('message_stop', {}),
  ];
}

function frame(event: string, fields: object): AnthropicFrame {
  return { event, data: JSON.stringify({ type: event, ...fields }) };
}

function messageOf(request: DemoRequest, id: string) {
  return { id: `msg_${id}`, type: 'message', role: 'assistant', model: request.model, stop_sequence: null };
}

function usageOf(request: DemoRequest, outputTokens: number) {
  return {
    input_tokens: request.inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: request.cachedTokens,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    output_tokens: outputTokens,
    service_tier: request.serviceTier === 'priority' ? 'priority' : 'standard',
  };
}
