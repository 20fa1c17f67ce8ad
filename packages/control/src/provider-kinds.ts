/**
 * The closed list of provider kinds, the same as in the package of usage readers, which this one may not import;
 * a test compares the two. `openai_compatible` is any server that speaks OpenAI's formats.
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
