import { NO_TOKENS } from '@meterstone/metering';
import type { GenerationLine } from '@meterstone/store';
import { describe, expect, it } from 'vitest';
import { toGenerationAnswer } from './generation-answer.ts';

const ID = 'gen_01ARZ3NDEKTSV4RRFFQ69G5FAV';

function line(facts: Partial<GenerationLine> = {}): GenerationLine {
  return {
    line: 0,
    kind: 'usage',
    operationId: 'operation-1',
    occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    provider: 'anthropic',
    model: 'anthropic/claude-sonnet-4.6',
    requestModel: 'claude-sonnet-4-6',
    responseModel: 'claude-sonnet-4-6',
    operation: 'messages',
    serviceTier: 'standard',
    credentialType: 'system',
    streamed: true,
    finishReason: 'end_turn',
    responseId: 'msg_1',
    httpStatus: 200,
    outcome: 'ok',
    usageSource: 'reported',
    timeToFirstTokenMs: 321,
    durationMs: 2000,
    tokens: { ...NO_TOKENS, inputTokens: 100, outputTokens: 10 },
    quantities: {},
    marketCost: 2_000_000_000n,
    totalCost: 2_000_000_000n,
    surchargeCost: 0n,
    charge: 3_000_000_000n,
    ...facts,
  };
}

function answer(...lines: readonly [GenerationLine, ...GenerationLine[]]) {
  return toGenerationAnswer(ID, lines[0], lines).data;
}

describe('toGenerationAnswer', () => {
  it('sums tokens and amounts over the lines, in disjoint counts', () => {
    const tokens = {
      ...NO_TOKENS,
      inputTokens: 1,
      inputAudioTokens: 2,
      inputImageTokens: 4,
      inputVideoTokens: 8,
      cacheReadTokens: 16,
      cacheReadAudioTokens: 32,
      cacheWriteTokens: 64,
      cacheWrite5mTokens: 128,
      cacheWrite1hTokens: 256,
      outputTokens: 512,
      reasoningTokens: 1024,
      outputAudioTokens: 2048,
      outputImageTokens: 4096,
    };
    const second = line({ line: 1, tokens, quantities: { web_search_requests: 3 }, model: 'advisor' });
    expect(answer(line({ quantities: { web_search_requests: 1 } }), second)).toMatchObject({
      id: ID,
      model: 'anthropic/claude-sonnet-4.6',
      total_cost: 0.004,
      usage: 0.004,
      market_cost: 0.004,
      charge: 0.006,
      total_cost_exact: '0.004',
      unpriced: false,
      created_at: '2026-01-02T03:04:05.006Z',
      latency: 321,
      generation_time: 2000,
      native_tokens_prompt: 100 + 1 + 2 + 4 + 8,
      native_tokens_completion: 10 + 512 + 2048 + 4096,
      native_tokens_reasoning: 1024,
      native_tokens_cached: 16 + 32,
      native_tokens_cache_creation: 64 + 128 + 256,
      billable_web_search_calls: 4,
    });
  });

  it('tells what the provider charged the caller only under their own key', () => {
    expect(answer(line())).toMatchObject({ is_byok: false, upstream_inference_cost: 0 });
    const own = { totalCost: 100_000_000n, surchargeCost: 100_000_000n } as const;
    for (const credentialType of ['byok', 'subscription'] as const) {
      expect(answer(line({ credentialType, ...own }))).toMatchObject({
        is_byok: true,
        total_cost: 0.0001,
        surcharge_cost: 0.0001,
        upstream_inference_cost: 0.002,
      });
    }
  });

  it('leaves out an amount that is not known of every line, and says that it is unpriced', () => {
    const unpriced = { marketCost: null, totalCost: null, surchargeCost: null, charge: null };
    const data = answer(line(), line({ line: 1, ...unpriced }));
    expect(data).toMatchObject({ unpriced: true, total_cost: 0.002 });
    expect(Object.keys(data)).not.toContain('market_cost');
    expect(Object.keys(data)).not.toContain('charge');
  });

  it('has no null where nothing was measured', () => {
    const data = answer(line({ timeToFirstTokenMs: null, durationMs: null, finishReason: '' }));
    expect(data).toMatchObject({ latency: 0, generation_time: 0, finish_reason: '' });
    expect(JSON.stringify(data)).not.toContain('null');
  });
});
