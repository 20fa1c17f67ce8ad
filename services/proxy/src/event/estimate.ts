import { bucketBit, type TokenCounts, USAGE_FLAGS, type UsageSource } from '@meterstone/metering';
import type { UsageLine } from '@meterstone/providers';

/** Counts of a line as they go on the event, and where they come from. */
export interface LineUsage {
  readonly tokens: TokenCounts;
  readonly presentBuckets: number;
  readonly usageFlags: number;
  readonly usageSource: UsageSource;
}

export interface EstimateBasis {
  /** `null`: not counted. */
  readonly requestTextBytes: number | null;
  /** `null`: not a stream. */
  readonly outputDeltas: number | null;
}

/**
 * UTF-8 bytes of request text to one token: between English prose (4.5 to 5 with today's tokenizers) and code or
 * other scripts (2 to 4). Only ever used under `usage_source = estimated`.
 */
const TEXT_BYTES_PER_TOKEN = 4;

/**
 * Fills what a provider left out of line 0, because it was cut off or forgot it: input from the text that was sent,
 * where no input was reported at all; output from the deltas that were seen, one token each, where that is more than
 * was reported (measured on recorded streams within 3 % for OpenAI, DeepSeek and Groq; Anthropic puts several tokens
 * into one). What is reported is kept. Hidden reasoning cannot be seen, which a flag says.
 */
export function estimateUsage(line: UsageLine, { requestTextBytes, outputDeltas }: EstimateBasis): LineUsage {
  const { tokens, presentBuckets, usageFlags } = line;
  const hasInput = (presentBuckets & INPUT_BITS) !== 0;
  const input =
    hasInput || requestTextBytes === null ? null : Math.ceil(requestTextBytes / TEXT_BYTES_PER_TOKEN);
  const output = outputDeltas === null || outputDeltas <= outputOf(tokens) ? null : outputDeltas;
  if (input === null && output === null) {
    return { tokens, presentBuckets, usageFlags, usageSource: presentBuckets === 0 ? 'none' : 'partial' };
  }
  return {
    tokens: {
      ...tokens,
      inputTokens: input ?? tokens.inputTokens,
      outputTokens: output === null ? tokens.outputTokens : output - tokens.reasoningTokens,
    },
    presentBuckets:
      presentBuckets |
      (input === null ? 0 : bucketBit('inputTokens')) |
      (output === null ? 0 : bucketBit('outputTokens')),
    usageFlags: usageFlags | USAGE_FLAGS.reasoningUnknown,
    usageSource: 'estimated',
  };
}

const INPUT_BITS =
  bucketBit('inputTokens') |
  bucketBit('inputAudioTokens') |
  bucketBit('inputImageTokens') |
  bucketBit('inputVideoTokens') |
  bucketBit('cacheReadTokens') |
  bucketBit('cacheReadAudioTokens') |
  bucketBit('cacheWriteTokens') |
  bucketBit('cacheWrite5mTokens') |
  bucketBit('cacheWrite1hTokens');

function outputOf(tokens: TokenCounts): number {
  return tokens.outputTokens + tokens.reasoningTokens + tokens.outputAudioTokens + tokens.outputImageTokens;
}
