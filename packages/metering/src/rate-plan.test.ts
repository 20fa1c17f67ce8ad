import { describe, expect, it } from 'vitest';
import { planVersionAt, readRatePlan } from './rate-plan.ts';

const text = { from: 0, multiplier: '1.2', markupPerMillionTokens: '0.5', feePerRequest: '0.001' };
const march = Date.parse('2026-03-01T00:00:00Z');

describe('rate plans', () => {
  it('are read exactly', () => {
    expect(readRatePlan('starter', [text]).versions).toEqual([
      {
        version: 'starter@1970-01-01',
        from: 0,
        multiplier: 1_200_000_000_000n,
        markupPerMillionTokens: 500_000_000_000n,
        feePerRequest: 1_000_000_000n,
      },
    ]);
  });

  it('are in force from the first millisecond of a version until the next begins', () => {
    const plan = readRatePlan('starter', [{ ...text, from: march, multiplier: '2' }, text]);
    expect(planVersionAt(plan, -1)).toBeNull();
    expect(planVersionAt(plan, march - 1)?.version).toBe('starter@1970-01-01');
    expect(planVersionAt(plan, march)?.version).toBe('starter@2026-03-01');
  });

  it('name a version that begins within a day by its instant', () => {
    const plan = readRatePlan('starter', [{ ...text, from: march + 1 }]);
    expect(plan.versions[0]?.version).toBe('starter@2026-03-01T00:00:00.001Z');
  });

  it.each([
    ['invalid_rate_plan', []],
    ['invalid_rate_plan', [text, text]],
    ['invalid_rate_plan', [{ ...text, from: Number.NaN }]],
    ['invalid_multiplier', [{ ...text, multiplier: '-1' }]],
    ['invalid_multiplier', [{ ...text, multiplier: '1.0000000000001' }]],
    ['invalid_multiplier', [{ ...text, multiplier: 'two' }]],
    ['invalid_amount', [{ ...text, feePerRequest: '-0.001' }]],
    ['invalid_amount', [{ ...text, markupPerMillionTokens: '' }]],
  ])('refuse with %s: %j', (code, texts) => {
    expect(() => readRatePlan('starter', texts)).toThrow(expect.objectContaining({ code }));
  });
});
