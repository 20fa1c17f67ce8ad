import { EVENT_LIMITS, USAGE_FLAGS } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rawUsageOf } from './usage-raw.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const limit = EVENT_LIMITS.usageRawBytesMax;

describe('rawUsageOf', () => {
  it('keeps the text to the letter, spaces and number forms included', () => {
    const text = '{ "cost": 1.0e-05,\n "prompt_tokens" : 3 }';
    expect(rawUsageOf(text)).toEqual({ text, usageFlags: 0 });
  });

  it('keeps a text of exactly the limit', () => {
    const text = 'x'.repeat(limit);
    expect(rawUsageOf(text)).toEqual({ text, usageFlags: 0 });
  });

  it('never exceeds the limit and never splits a character, whatever the text', () => {
    const long = fc.string({ unit: 'binary', minLength: 1300, maxLength: 6000, size: 'max' });
    fc.assert(
      fc.property(long, (whole) => {
        const { text, usageFlags } = rawUsageOf(whole);
        expect(bytesOf(text).length).toBeLessThanOrEqual(limit);
        expect(whole.startsWith(text)).toBe(true);
        expect(text.isWellFormed()).toBe(whole.isWellFormed());
        expect(usageFlags).toBe(text === whole ? 0 : USAGE_FLAGS.rawTruncated);
      }),
      { numRuns: 50 },
    );
  });
});
