import { amountToNumber, formatAmount, type TokenBucket } from '@meterstone/metering';
import type { GenerationLine } from '@meterstone/store';

const PROMPT: readonly TokenBucket[] = [
  'inputTokens',
  'inputAudioTokens',
  'inputImageTokens',
  'inputVideoTokens',
];
const COMPLETION: readonly TokenBucket[] = ['outputTokens', 'outputAudioTokens', 'outputImageTokens'];
const CACHED: readonly TokenBucket[] = ['cacheReadTokens', 'cacheReadAudioTokens'];
const CACHE_CREATION: readonly TokenBucket[] = [
  'cacheWriteTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
];

type Amount = 'marketCost' | 'totalCost' | 'surchargeCost' | 'charge';

/**
 * The body of `/v1/generation`: one attempt, its lines summed; what only the whole has (model, times) is of
 * line 0. Token counts are disjoint, as in reports. `latency` (to the first token) and `generation_time` are
 * milliseconds, 0 = not measured. An amount that a line lacks is left out, but for the three that Vercel's client
 * insists on: they sum what is known, and `unpriced` says that it is not all.
 */
export function toGenerationAnswer(id: string, first: GenerationLine, lines: readonly GenerationLine[]) {
  const isByok = first.credentialType === 'byok' || first.credentialType === 'subscription';
  const known = (amount: Amount) => amountToNumber(sumKnown(lines, amount));
  const tokens = (buckets: readonly TokenBucket[]) => sumTokens(lines, buckets);
  return {
    data: {
      id,
      total_cost: known('totalCost'),
      upstream_inference_cost: isByok ? known('marketCost') : 0,
      usage: known('totalCost'),
      ...wholeAmount(lines, 'marketCost', 'market_cost'),
      ...wholeAmount(lines, 'surchargeCost', 'surcharge_cost'),
      ...wholeAmount(lines, 'charge', 'charge'),
      total_cost_exact: formatAmount(sumKnown(lines, 'totalCost')),
      unpriced: lines.some(
        (line) => line.totalCost === null || line.marketCost === null || line.charge === null,
      ),
      created_at: new Date(first.occurredAt).toISOString(),
      model: first.model,
      is_byok: isByok,
      provider_name: first.provider,
      streamed: first.streamed,
      finish_reason: first.finishReason,
      latency: first.timeToFirstTokenMs ?? 0,
      generation_time: first.durationMs ?? 0,
      tokens_prompt: tokens(PROMPT),
      tokens_completion: tokens(COMPLETION),
      native_tokens_prompt: tokens(PROMPT),
      native_tokens_completion: tokens(COMPLETION),
      native_tokens_reasoning: tokens(['reasoningTokens']),
      native_tokens_cached: tokens(CACHED),
      native_tokens_cache_creation: tokens(CACHE_CREATION),
      billable_web_search_calls: lines.reduce(
        (sum, { quantities }) => sum + (quantities['web_search_requests'] ?? 0),
        0,
      ),
    },
  };
}

function sumKnown(lines: readonly GenerationLine[], amount: Amount): bigint {
  return lines.reduce((sum, line) => sum + (line[amount] ?? 0n), 0n);
}

/** The amount under its name when every line has it, else nothing: half a sum is not the amount. */
function wholeAmount(lines: readonly GenerationLine[], amount: Amount, name: string): Record<string, number> {
  const whole = lines.every((line) => line[amount] !== null);
  return whole ? { [name]: amountToNumber(sumKnown(lines, amount)) } : {};
}

function sumTokens(lines: readonly GenerationLine[], buckets: readonly TokenBucket[]): number {
  return lines.reduce(
    (sum, { tokens }) => sum + buckets.reduce((inLine, bucket) => inLine + tokens[bucket], 0),
    0,
  );
}
