/**
 * The disjoint token buckets of one usage line: a token is counted in exactly one of them.
 * Order is part of the contract: bucket i is bit i of `UsageEvent.presentBuckets`.
 */
export const TOKEN_BUCKETS = [
  'inputTokens',
  'inputAudioTokens',
  'inputImageTokens',
  'inputVideoTokens',
  'cacheReadTokens',
  'cacheReadAudioTokens',
  'cacheWriteTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
  'outputTokens',
  'reasoningTokens',
  'outputAudioTokens',
  'outputImageTokens',
] as const;

export type TokenBucket = (typeof TOKEN_BUCKETS)[number];

/**
 * Counts per bucket, in tokens. Signed: negative only in adjustments. 0 stands for "absent" too; which of
 * the two it is, `presentBuckets` says.
 */
export type TokenCounts = Readonly<Record<TokenBucket, number>>;

/** All buckets absent. */
export const NO_TOKENS: TokenCounts = Object.freeze({
  inputTokens: 0,
  inputAudioTokens: 0,
  inputImageTokens: 0,
  inputVideoTokens: 0,
  cacheReadTokens: 0,
  cacheReadAudioTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  outputAudioTokens: 0,
  outputImageTokens: 0,
});

/** The bit of a bucket in `UsageEvent.presentBuckets`. */
export function bucketBit(bucket: TokenBucket): number {
  return 1 << TOKEN_BUCKETS.indexOf(bucket);
}
