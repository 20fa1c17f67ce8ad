export { type Charging, defaultPlan, findCharging } from './charging.ts';
export { MeteringError, type MeteringErrorCode } from './errors.ts';
export { generationIdToUuid, uuidBytes, uuidText, uuidToGenerationId } from './event-id.ts';
export { amountToNumber, formatAmount, parseAmount, parseRate, roundAmount } from './money.ts';
export { DAY_MS, dayRange, formatDay, type Period, parseDay } from './period.ts';
export type { PriceBook, PriceMatch } from './price-book.ts';
export type { PriceBookText, ProviderText, RatesText, RowText } from './price-book-text.ts';
export { lookUpPrice, type PriceAnswer, type PriceQuestion } from './price-lookup.ts';
export { PROVIDER_KINDS, type ProviderKind } from './provider-kinds.ts';
export { rateByTariff, type SmallAmounts } from './rate-by-tariff.ts';
export { type RatePlan, type RatePlanVersionText, readRatePlan } from './rate-plan.ts';
export { createRater, type Rater, rateUsage } from './rate-usage.ts';
export { bucketColumn, type Rating, type UnpricedReason } from './rating.ts';
export type { OrgTerms, RatingTerms } from './rating-terms.ts';
export { readPriceBook } from './read-price-book.ts';
export { findTariff, type Tariff } from './tariff.ts';
export { bucketBit, NO_TOKENS, TOKEN_BUCKETS, type TokenBucket, type TokenCounts } from './token-buckets.ts';
export {
  type CredentialType,
  EVENT_LIMITS,
  type EventKind,
  type EventSource,
  type Outcome,
  type UsageEvent,
  type UsageSource,
} from './usage-event.ts';
export { USAGE_FLAGS } from './usage-flags.ts';
export { type EventFault, type EventFaultCode, validateUsageEvent } from './validate-event.ts';
