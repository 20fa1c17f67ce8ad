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
