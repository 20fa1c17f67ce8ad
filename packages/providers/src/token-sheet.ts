import {
  bucketBit,
  EVENT_LIMITS,
  NO_TOKENS,
  TOKEN_BUCKETS,
  type TokenBucket,
  USAGE_FLAGS,
} from '@meterstone/metering';

/** The buckets of one line while they are filled: counts, which of them were reported, what was odd. */
export interface TokenSheet {
  readonly tokens: Record<TokenBucket, number>;
  /** Over all buckets. */
  sum: number;
  presentBuckets: number;
  usageFlags: number;
}

/** A part of a whole that has a bucket of its own; `null`: the provider does not tell this part. */
export interface Part {
  readonly bucket: TokenBucket;
  readonly tokens: number | null;
}

/** A sheet with every bucket absent. */
export function createSheet(): TokenSheet {
  return { tokens: { ...NO_TOKENS }, sum: 0, presentBuckets: 0, usageFlags: 0 };
}

/**
 * A count of the provider: a whole number from 0 to `EVENT_LIMITS.countMax`. `null`: absent, or malformed
 * (anything else than null), which sets `malformedCount` on the sheet. 0 is a count.
 */
export function countOf(value: unknown, sheet: TokenSheet): number | null {
  if (value === undefined || value === null) return null;
  if (isCount(value)) return value + 0; // −0 becomes 0
  sheet.usageFlags |= USAGE_FLAGS.malformedCount;
  return null;
}

/** Adds tokens to a bucket and marks it as reported; `null` adds nothing and marks nothing. */
export function addTokens(sheet: TokenSheet, bucket: TokenBucket, tokens: number | null): void {
  if (tokens === null) return;
  const sum = sheet.tokens[bucket] + tokens;
  if (!isCount(sum)) {
    sheet.usageFlags |= USAGE_FLAGS.malformedCount;
    return;
  }
  sheet.tokens[bucket] = sum;
  sheet.sum += tokens;
  sheet.presentBuckets |= BUCKET_BITS[bucket];
}

/**
 * Splits an inclusive count into disjoint buckets: each part into its own, the remainder into `rest`. When
 * the parts exceed the whole (OpenRouter: 2,161 read + 2,161 written of 2,168), no subtraction is right and
 * none is tried: the whole goes to `rest`, the parts are read as absent and `negativePart` is set, so that
 * the sum stays what the provider said. Without a whole the parts stand alone.
 */
export function addSplit(
  sheet: TokenSheet,
  { rest, whole, parts }: { rest: TokenBucket; whole: number | null; parts: readonly Part[] },
): void {
  let remainder = whole ?? 0;
  for (const { tokens } of parts) remainder -= tokens ?? 0;
  if (whole !== null && remainder < 0) {
    sheet.usageFlags |= USAGE_FLAGS.negativePart;
    addTokens(sheet, rest, whole);
    return;
  }
  addTokens(sheet, rest, whole === null ? null : remainder);
  for (const { bucket, tokens } of parts) addTokens(sheet, bucket, tokens);
}

/** What an event can hold as a count. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= EVENT_LIMITS.countMax;
}

/** Which sides of a line were counted: `reported` both, `partial` one, `none` neither. */
export function sidesReported(presentBuckets: number): 'reported' | 'partial' | 'none' {
  const output = (presentBuckets & OUTPUT_BITS) !== 0;
  const input = (presentBuckets & ~OUTPUT_BITS) !== 0;
  if (output && input) return 'reported';
  return output || input ? 'partial' : 'none';
}

// One key after the other is `bucketBit`'s, so no key is missing.
const BUCKET_BITS = Object.fromEntries(
  TOKEN_BUCKETS.map((bucket) => [bucket, bucketBit(bucket)]),
) as Readonly<Record<TokenBucket, number>>;

const OUTPUT_BITS =
  bucketBit('outputTokens') |
  bucketBit('reasoningTokens') |
  bucketBit('outputAudioTokens') |
  bucketBit('outputImageTokens');
