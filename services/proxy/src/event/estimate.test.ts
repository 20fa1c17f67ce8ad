import { bucketBit, NO_TOKENS, USAGE_FLAGS } from '@meterstone/metering';
import type { UsageLine } from '@meterstone/providers';
import { describe, expect, it } from 'vitest';
import { estimateUsage } from './estimate.ts';

function lineWith(facts: Partial<UsageLine> = {}): UsageLine {
  return {
    line: 0,
    responseModel: null,
    tokens: NO_TOKENS,
    presentBuckets: 0,
    quantities: {},
    providerReportedCost: null,
    usageFlags: 0,
    usageRaw: null,
    ...facts,
  };
}

describe('estimating usage', () => {
  it('takes four bytes of text for a token, and a delta for one', () => {
    // ceil(401 / 4) = 101
    expect(estimateUsage(lineWith(), { requestTextBytes: 401, outputDeltas: 9 })).toEqual({
      tokens: { ...NO_TOKENS, inputTokens: 101, outputTokens: 9 },
      presentBuckets: bucketBit('inputTokens') | bucketBit('outputTokens'),
      usageFlags: USAGE_FLAGS.reasoningUnknown,
      usageSource: 'estimated',
    });
  });

  it('keeps input that was reported, in whatever bucket', () => {
    const line = lineWith({
      tokens: { ...NO_TOKENS, cacheReadTokens: 1000 },
      presentBuckets: bucketBit('cacheReadTokens'),
    });
    const { tokens } = estimateUsage(line, { requestTextBytes: 400, outputDeltas: 3 });
    expect(tokens).toEqual({ ...NO_TOKENS, cacheReadTokens: 1000, outputTokens: 3 });
  });

  it('keeps output that was reported where it is more than the deltas seen', () => {
    const line = lineWith({
      tokens: { ...NO_TOKENS, inputTokens: 5, outputTokens: 30, reasoningTokens: 20 },
      presentBuckets: bucketBit('inputTokens') | bucketBit('outputTokens') | bucketBit('reasoningTokens'),
    });
    const basis = { requestTextBytes: 400, outputDeltas: 50 };
    expect(estimateUsage(line, basis)).toMatchObject({ tokens: line.tokens, usageSource: 'partial' });
    // 60 deltas, 20 of them known to be reasoning.
    const { tokens } = estimateUsage(line, { ...basis, outputDeltas: 60 });
    expect(tokens).toEqual({ ...line.tokens, outputTokens: 40 });
  });

  it('has nothing to say without a basis', () => {
    expect(estimateUsage(lineWith(), { requestTextBytes: null, outputDeltas: 0 })).toEqual({
      tokens: NO_TOKENS,
      presentBuckets: 0,
      usageFlags: 0,
      usageSource: 'none',
    });
  });
});
