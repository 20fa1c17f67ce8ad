/**
 * The closed list of provider kinds: which host is spoken to, hence which of its habits to expect.
 * `openai_compatible` is any host that speaks OpenAI's formats and of which no more is known.
 */
export const PROVIDER_KINDS = [
  'openai',
  'anthropic',
  'google',
  'vertex',
  'bedrock',
  'azure',
  'openrouter',
  'xai',
  'mistral',
  'cohere',
  'deepseek',
  'groq',
  'moonshot',
  'perplexity',
  'together',
  'fireworks',
  'alibaba',
  'openai_compatible',
] as const;

export type ProviderKind = (typeof PROVIDER_KINDS)[number];
