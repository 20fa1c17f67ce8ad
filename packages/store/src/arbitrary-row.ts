import { TOKEN_BUCKETS, uuidText } from '@meterstone/metering';
import fc from 'fast-check';
import {
  CREDENTIAL_TYPE_CODES,
  KIND_CODES,
  OUTCOME_CODES,
  PRICE_MATCH_CODES,
  SOURCE_CODES,
  USAGE_SOURCE_CODES,
} from './enum-codes.ts';
import type { RawRow } from './raw-row.ts';

const AMOUNT_MAX = 10n ** 38n - 1n;
const INT32_MAX = 2 ** 31 - 1;
/** Text that any of the world's writings may hold, long and short, without lone surrogates. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('😀🎉', 'it\'s \\ "quoted"\n\t', 'a'.repeat(41), 'é'.repeat(64)),
);
const presentText = text.filter((value) => value !== '');
const optionalText = fc.option(presentText, { nil: null });
const id = fc.uint8Array({ minLength: 16, maxLength: 16 });
const count = fc.oneof(
  fc.maxSafeInteger(),
  fc.nat(100_000),
  fc.constantFrom(0, -1, 2 ** 31, 2 ** 32, -(2 ** 40)),
);
const int32 = fc.oneof(fc.integer({ min: -INT32_MAX - 1, max: INT32_MAX }), fc.nat(10));
const amount = fc.option(
  fc.oneof(
    fc.bigInt({ min: -AMOUNT_MAX, max: AMOUNT_MAX }),
    fc.bigInt({ min: -1_000_000_000n, max: 1_000_000_000n }),
    fc.constantFrom(AMOUNT_MAX, -AMOUNT_MAX, 2n ** 53n, -(2n ** 53n), 2n ** 64n, -(2n ** 64n) - 1n),
  ),
  { nil: null },
);
/** Amounts that rating may come to. */
const ratedAmount = amount.map((pico) => (pico === null ? null : pico % 10n ** 29n));
/** `DateTime64(3)` and months that one test may touch. */
const instant = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 2, 31) });
const entries = <V>(value: fc.Arbitrary<V>, maxKeys: number) =>
  fc.dictionary(text, value, { maxKeys, noNullPrototype: true });

function keysOf<Name extends string>(codes: Readonly<Record<Name, number>>): fc.Arbitrary<Name> {
  // Object.keys forgets the type of the keys.
  return fc.constantFrom(...(Object.keys(codes) as Name[]));
}

const event = fc.record({
  eventId: id,
  line: fc.nat(5),
  operationId: text,
  attempt: int32,
  final: fc.boolean(),
  parentOperationId: optionalText,
  kind: keysOf(KIND_CODES),
  source: keysOf(SOURCE_CODES),
  sourceRef: text,
  adjustsEventId: fc.option(id, { nil: null }),
  adjustsLine: fc.option(int32, { nil: null }),
  correctionId: optionalText,
  reason: optionalText,
  marketCostDelta: amount,
  totalCostDelta: amount,
  surchargeCostDelta: amount,
  chargeDelta: amount,
  occurredAt: instant,
  ingestedAt: instant,
  orgId: fc.constantFrom('acme', 'bolt', 'ünïcödé-org'),
  apiKeyId: optionalText,
  project: optionalText,
  user: optionalText,
  sessionId: optionalText,
  agent: optionalText,
  traceId: optionalText,
  tags: fc.array(text, { maxLength: 10 }),
  attributes: entries(text, 8),
  plan: optionalText,
  credentialType: keysOf(CREDENTIAL_TYPE_CODES),
  zeroDataRetention: fc.boolean(),
  provider: text,
  requestModel: optionalText,
  responseModel: optionalText,
  operation: text,
  serviceTierRequested: optionalText,
  serviceTier: optionalText,
  region: optionalText,
  streamed: fc.boolean(),
  finishReason: optionalText,
  responseId: optionalText,
  httpStatus: fc.option(fc.integer({ min: 100, max: 599 }), { nil: null }),
  outcome: keysOf(OUTCOME_CODES),
  errorType: optionalText,
  usageSource: keysOf(USAGE_SOURCE_CODES),
  usageFlags: int32,
  requestTextBytes: fc.option(count, { nil: null }),
  outputDeltas: fc.option(int32, { nil: null }),
  presentBuckets: int32,
  ...bucketCounts(),
  quantities: entries(count, 4),
  providerReportedCost: amount,
  usageRaw: optionalText,
  timeToFirstTokenMs: fc.option(int32, { nil: null }),
  durationMs: fc.option(int32, { nil: null }),
});

const rating = fc.record({
  model: text,
  marketCost: ratedAmount,
  totalCost: ratedAmount,
  surchargeCost: ratedAmount,
  charge: ratedAmount,
  priceBook: text,
  priceMatch: keysOf(PRICE_MATCH_CODES),
  unpricedReason: fc.option(fc.constantFrom('unknown_model' as const, 'no_usage' as const), { nil: null }),
  plan: optionalText,
  ratePlanVersion: optionalText,
  epoch: text,
});

/** Any row that the table can hold. */
export const arbitraryRow: fc.Arbitrary<RawRow> = fc.record({
  event: fc
    .tuple(event, fc.boolean())
    .map(([facts, isOwnId]) => (isOwnId ? { ...facts, operationId: uuidText(facts.eventId) } : facts)),
  rating,
  userKey: fc.oneof(id, fc.constant(new Uint8Array(16))),
  coordinates: fc.record({
    stream: fc.nat(4_000_000_000),
    kafkaPartition: fc.nat(10_000),
    kafkaOffset: fc.maxSafeNat(),
  }),
});

function bucketCounts() {
  const counts = TOKEN_BUCKETS.map((bucket) => [bucket, count] as const);
  // The list of buckets is the list of keys.
  return Object.fromEntries(counts) as Record<(typeof TOKEN_BUCKETS)[number], fc.Arbitrary<number>>;
}
