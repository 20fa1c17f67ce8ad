import { TOKEN_BUCKETS, type UsageEvent } from '@meterstone/metering';
import fc from 'fast-check';
import { exampleEvent } from './example-event.ts';

const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const long = fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 });
const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes));
const amount = fc.bigInt({ min: -(10n ** 38n - 1n), max: 10n ** 38n - 1n });
const absent = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: null });

/** Events with anything that the schema can hold in every kind of field. */
export const anyEvent: fc.Arbitrary<UsageEvent> = fc
  .record({
    eventId: id,
    line: int,
    operationId: text,
    attempt: int,
    final: fc.boolean(),
    parentOperationId: absent(text),
    kind: fc.constantFrom('usage' as const, 'adjustment' as const),
    source: fc.constantFrom('proxy' as const, 'settlement' as const),
    sourceRef: text,
    adjustsEventId: absent(id),
    adjustsLine: absent(int),
    correctionId: absent(text),
    marketCostDelta: absent(amount),
    chargeDelta: absent(amount),
    occurredAt: long,
    ingestedAt: long,
    user: absent(text),
    tags: fc.array(text, { maxLength: 10 }),
    attributes: fc.dictionary(text, text, { maxKeys: 8, noNullPrototype: true }),
    credentialType: fc.constantFrom('system' as const, 'reserved' as const),
    httpStatus: absent(int),
    outcome: fc.constantFrom('ok' as const, 'orphan' as const),
    usageSource: fc.constantFrom('reported' as const, 'none' as const),
    usageFlags: int,
    requestTextBytes: absent(long),
    quantities: fc.dictionary(text, long, { maxKeys: 8, noNullPrototype: true }),
    providerReportedCost: absent(amount),
    usageRaw: absent(text),
    durationMs: absent(int),
    tokens: fc.array(long, { minLength: TOKEN_BUCKETS.length, maxLength: TOKEN_BUCKETS.length }),
  })
  .map(({ tokens, ...facts }) =>
    exampleEvent({
      ...facts,
      ...Object.fromEntries(TOKEN_BUCKETS.map((bucket, index) => [bucket, tokens[index]])),
    }),
  );
