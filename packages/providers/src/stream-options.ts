import type { ProviderKind } from '@meterstone/metering';

/**
 * Whether `stream_options.include_usage` may be added to a streamed chat or completions request that did not
 * ask for it. Only for hosts known to accept it, because a refusal would fail the caller's request: Mistral
 * answers 422 `extra_forbidden` (openai/openai-agents-python#442, read 2026-11-24) and sends usage unasked,
 * as do OpenRouter, Perplexity and xAI; a Bedrock body is signed; of `openai_compatible` nothing is known.
 */
export function acceptsStreamOptions(kind: ProviderKind): boolean {
  return STREAM_OPTIONS_KINDS.has(kind);
}

const STREAM_OPTIONS_KINDS: ReadonlySet<ProviderKind> = new Set([
  'openai',
  'anthropic',
  'azure',
  'google',
  'vertex',
  'deepseek',
  'groq',
  'moonshot',
  'together',
  'fireworks',
  'alibaba',
] as const);
