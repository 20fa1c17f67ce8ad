import type { UsageEvent } from '@meterstone/metering';
import { describe, expect, it } from 'vitest';
import { type AvroDefinition, type AvroSchema, isUnion } from './avro-schema.ts';
import { camelCase } from './avro-type.ts';
import { exampleEvent } from './example-event.ts';
import { createRecordCodec } from './record-codec.ts';
import { readSchemaVersions } from './schema-files.ts';
import { decodeUsageEvent } from './usage-event-codec.ts';

/** How a fact's TypeScript type must read on Avro; `?` = a union with null. */
type AvroText<Fact> = null extends Fact ? `${PresentText<NonNullable<Fact>>}?` : PresentText<Fact>;
type PresentText<Fact> = Fact extends string
  ? string extends Fact
    ? 'string'
    : `enum ${string}`
  : Fact extends number
    ? 'int' | 'long' | 'timestamp'
    : Fact extends boolean
      ? 'boolean'
      : Fact extends bigint
        ? 'decimal'
        : Fact extends Uint8Array
          ? 'id'
          : Fact extends readonly string[]
            ? 'array of string'
            : Fact extends Readonly<Record<string, infer Value>>
              ? `map of ${Value extends string ? 'string' : 'long'}`
              : never;

// The compiler checks this side: every key of UsageEvent, none else, each with the text that its type asks for.
const AS_TYPED: { readonly [Key in keyof UsageEvent]: AvroText<UsageEvent[Key]> } = {
  eventId: 'id',
  line: 'int',
  operationId: 'string',
  attempt: 'int',
  final: 'boolean',
  parentOperationId: 'string?',
  kind: 'enum usage adjustment',
  source: 'enum proxy events otlp kafka correction settlement',
  sourceRef: 'string',
  adjustsEventId: 'id?',
  adjustsLine: 'int?',
  correctionId: 'string?',
  reason: 'string?',
  marketCostDelta: 'decimal?',
  totalCostDelta: 'decimal?',
  surchargeCostDelta: 'decimal?',
  chargeDelta: 'decimal?',
  occurredAt: 'timestamp',
  ingestedAt: 'timestamp',
  orgId: 'string',
  apiKeyId: 'string?',
  project: 'string?',
  user: 'string?',
  sessionId: 'string?',
  agent: 'string?',
  traceId: 'string?',
  tags: 'array of string',
  attributes: 'map of string',
  plan: 'string?',
  credentialType: 'enum system byok subscription reserved',
  zeroDataRetention: 'boolean',
  provider: 'string',
  requestModel: 'string?',
  responseModel: 'string?',
  operation: 'string',
  serviceTierRequested: 'string?',
  serviceTier: 'string?',
  region: 'string?',
  streamed: 'boolean',
  finishReason: 'string?',
  responseId: 'string?',
  httpStatus: 'int?',
  outcome: 'enum ok provider_error client_abort upstream_reset timeout orphan',
  errorType: 'string?',
  usageSource: 'enum reported partial estimated none',
  usageFlags: 'int',
  requestTextBytes: 'long?',
  outputDeltas: 'int?',
  presentBuckets: 'int',
  inputTokens: 'long',
  inputAudioTokens: 'long',
  inputImageTokens: 'long',
  inputVideoTokens: 'long',
  cacheReadTokens: 'long',
  cacheReadAudioTokens: 'long',
  cacheWriteTokens: 'long',
  cacheWrite5mTokens: 'long',
  cacheWrite1hTokens: 'long',
  outputTokens: 'long',
  reasoningTokens: 'long',
  outputAudioTokens: 'long',
  outputImageTokens: 'long',
  quantities: 'map of long',
  providerReportedCost: 'decimal?',
  usageRaw: 'string?',
  timeToFirstTokenMs: 'int?',
  durationMs: 'int?',
};

/** The symbols of each enum, as TypeScript lists them: a literal missing here or there does not compile. */
const SYMBOLS = {
  kind: { usage: 0, adjustment: 1 } satisfies Record<UsageEvent['kind'], number>,
  source: { proxy: 0, events: 1, otlp: 2, kafka: 3, correction: 4, settlement: 5 } satisfies Record<
    UsageEvent['source'],
    number
  >,
  credentialType: { system: 0, byok: 1, subscription: 2, reserved: 3 } satisfies Record<
    UsageEvent['credentialType'],
    number
  >,
  outcome: {
    ok: 0,
    provider_error: 1,
    client_abort: 2,
    upstream_reset: 3,
    timeout: 4,
    orphan: 5,
  } satisfies Record<UsageEvent['outcome'], number>,
  usageSource: { reported: 0, partial: 1, estimated: 2, none: 3 } satisfies Record<
    UsageEvent['usageSource'],
    number
  >,
};

const versions = readSchemaVersions('usage-event');
const newest = versions.at(-1)?.schema as AvroDefinition; // Our own file; the tests below fail if it is no record.

describe('the schema of the usage event and its TypeScript type', () => {
  it('have the same facts of the same types in the same order', () => {
    const asWritten = (newest.fields ?? []).map((field) => [camelCase(field.name), describeType(field.type)]);
    expect(asWritten).toEqual(Object.entries(AS_TYPED));
  });

  it('have the same symbols in every enum', () => {
    for (const [key, symbols] of Object.entries(SYMBOLS)) {
      expect(AS_TYPED[key as keyof UsageEvent]).toBe(`enum ${Object.keys(symbols).join(' ')}`); // Keys of SYMBOLS are facts.
    }
  });

  it('describe an object whose keys are all there, always in this order', () => {
    expect(Object.keys(exampleEvent())).toEqual(Object.keys(AS_TYPED));
  });
});

describe('released versions', () => {
  it.each(versions)('version $version is read by the newest', ({ version, schema }) => {
    const event = exampleEvent({ providerReportedCost: 42n, adjustsEventId: Buffer.alloc(16, 7) });
    const bytes = createRecordCodec<UsageEvent>([{ version, schema }]).encode(event);
    const read = decodeUsageEvent(bytes);
    const facts = ((schema as AvroDefinition).fields ?? []).map((field) => camelCase(field.name)); // As above.
    expect(facts.length).toBeGreaterThan(0);
    for (const fact of facts as (keyof UsageEvent)[]) {
      expect(read[fact]).toEqual(event[fact]);
    }
    expect(Object.keys(read)).toEqual(Object.keys(AS_TYPED));
  });

  it('are numbered from 1 without gaps', () => {
    expect(versions.map(({ version }) => version)).toEqual(versions.map((_, index) => index + 1));
  });
});

function describeType(schema: AvroSchema): string {
  if (typeof schema === 'string') {
    return schema === 'Id128' ? 'id' : schema;
  }
  if (isUnion(schema)) {
    const [absent, present, ...more] = schema;
    expect([absent, more]).toEqual(['null', []]);
    return `${describeType(present ?? 'null')}?`;
  }
  if (schema.logicalType === 'decimal') {
    expect([schema.type, schema.precision, schema.scale]).toEqual(['bytes', 38, 12]);
    return 'decimal';
  }
  if (schema.logicalType === 'timestamp-millis') {
    expect(schema.type).toBe('long');
    return 'timestamp';
  }
  return describeContainer(schema);
}

function describeContainer(schema: AvroDefinition): string {
  switch (schema.type) {
    case 'fixed':
      expect([schema.name, schema.size]).toEqual(['Id128', 16]);
      return 'id';
    case 'enum':
      return `enum ${(schema.symbols ?? []).join(' ')}`;
    case 'array':
      return `array of ${describeType(schema.items ?? 'null')}`;
    case 'map':
      return `map of ${describeType(schema.values ?? 'null')}`;
    default:
      return 'something else';
  }
}
