/**
 * What is odd about the usage of an event, one bit each, in `UsageEvent.usageFlags`. Provider data may be
 * negative, missing or contradictory; a flag records it and the event is kept as it came.
 */
export const USAGE_FLAGS = {
  /** The provider's own total differs from the sum of the buckets read. */
  totalMismatch: 1 << 0,
  /** A part exceeded its whole (cached > prompt, reasoning > completion), so a bucket would have been negative. */
  negativePart: 1 << 1,
  /** A count was not a non-negative safe integer and was read as absent. */
  malformedCount: 1 << 2,
  /** Cache writes whose lifetime the provider did not name were put to the request's lifetime. */
  assumedCacheLifetime: 1 << 3,
  /** Counts are the sum of several sampling calls that were not reported apart: a tier threshold is unsure. */
  ambiguousTier: 1 << 4,
  /** Hidden reasoning could not be estimated. */
  reasoningUnknown: 1 << 5,
  /** The usage object was over the limit of `usageRaw` and was cut off. */
  rawTruncated: 1 << 6,
  /** OpenAI's own `user` was over-long and was left unattributed. */
  userUnattributed: 1 << 7,
  /** A blocked first attempt of a server-side fallback may be billed; the provider does not say. */
  fallbackBilling: 1 << 8,
  /** The answer was larger than the metering buffer, so its usage could not be read. */
  bodyTooLarge: 1 << 9,
} as const;
