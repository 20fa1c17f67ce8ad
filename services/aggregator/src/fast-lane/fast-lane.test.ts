import { type UsageEvent, uuidText } from '@meterstone/metering';
import { rawBlockBytes } from '@meterstone/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openDraft } from '../batch-draft.ts';
import { DuplicateWindow } from '../deduplicate.ts';
import { exampleBytes, exampleEvent, exampleRecords, exampleTerms, exampleTools } from '../example.ts';
import { createOlderEvents } from '../older-events.ts';
import { type RatingTools, rateBatch } from '../rate-batch.ts';
import type { BatchOutcome, RatedBatch, RecordRange } from '../rated-batch.ts';
import { FastLane } from './fast-lane.ts';
import { RATING_LIMITS, WHAT_NUMBERS_MAX } from './rating-limits.ts';

type Values = readonly (UsageEvent | Buffer | null)[];

function rangeOf(values: Values): RecordRange {
  return {
    stream: 1,
    topic: 'usage-events',
    kafkaPartition: 3,
    firstOffset: 0,
    nextOffset: values.length,
    records: exampleRecords(values),
  };
}

const terms = exampleTerms();
const tools = exampleTools(terms);

/** All that comes of a range, in a form that can be compared. */
function resultOf(outcome: BatchOutcome): unknown {
  if (outcome.kind !== 'rated') {
    return outcome;
  }
  const { block, users, deadLetters, counts, facts } = outcome.batch;
  const { ingestedAtMax } = facts;
  const sums = { ...facts.sums(), ...facts.scope(), ingestedAtMax };
  return { rows: rawBlockBytes(block).toString('latin1'), users, deadLetters, counts, sums };
}

function rate(values: Values, each: RatingTools, before: RatedBatch | null = null): BatchOutcome {
  return rateBatch(rangeOf(values), { tools: each, window: before?.seen ?? new DuplicateWindow() });
}

/** Both ways must come to the same end; gives how many records were too unusual for the short one. */
function compareWays(values: Values): number {
  const [short, long] = [tools, { ...tools, fastLane: null }].map((each) => resultOf(rate(values, each)));
  expect(short).toEqual(long);
  return unusualOf(values);
}

/** Records that the short way leaves to the other. */
function unusualOf(values: Values): number {
  let unusual = 0;
  const fastLane = new FastLane({ terms, userKeyOf: tools.userKeyOf });
  const range = rangeOf(values);
  const draft = openDraft(range, { tools, window: new DuplicateWindow(), texts: fastLane.begin() });
  for (const record of range.records) {
    unusual += fastLane.take(draft, record) === 'unusual' ? 1 : 0;
  }
  return unusual;
}

const ASCII = fc.string({ unit: 'binary-ascii', maxLength: 20 });
const anyText = fc.oneof({ weight: 4, arbitrary: ASCII }, fc.string({ unit: 'grapheme', maxLength: 300 }));
const absent = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: null });
const count = fc.oneof(
  fc.constantFrom(0, 1, 63, 64, 8_191, 8_192),
  fc.nat(1_000_000),
  fc.integer({ min: -5, max: 900_000_000_000_001 }),
);
const int = fc.oneof(fc.nat(300), fc.integer({ min: -1, max: 2 ** 31 - 1 }));
const tag = fc.oneof(fc.constantFrom('a', 'b', 'ab', 'é', '\uff5e', '\u{1f600}', ''), ASCII);

/** Facts that one event in a few has, each of which may be odd. */
const oddFacts: fc.Arbitrary<Partial<UsageEvent>> = fc.record(
  {
    eventId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
    line: fc.oneof(fc.nat(2), int),
    operationId: fc.oneof(anyText, fc.constant('00000000-0000-0000-0000-000000000001')),
    attempt: int,
    final: fc.boolean(),
    parentOperationId: absent(anyText),
    kind: fc.constantFrom('usage', 'usage', 'adjustment'),
    source: fc.constantFrom('proxy', 'events', 'otlp', 'kafka', 'correction', 'settlement'),
    sourceRef: anyText,
    adjustsLine: absent(fc.nat(3)),
    correctionId: absent(anyText),
    reason: absent(anyText),
    chargeDelta: absent(fc.bigInt(-5n, 5n)),
    occurredAt: fc.constantFrom(0, Date.UTC(2026, 10, 24, 11), Date.UTC(2025, 10, 24), Date.UTC(2027, 1)),
    ingestedAt: fc.nat(),
    orgId: fc.constantFrom('acme', 'acme', 'bolt', '', 'ünïcode'),
    apiKeyId: absent(fc.constantFrom('key_backend', 'key_other', '')),
    project: absent(anyText),
    user: absent(fc.oneof(fc.constantFrom('customer-1', 'customer-2', ''), anyText)),
    sessionId: absent(anyText),
    agent: absent(anyText),
    traceId: absent(anyText),
    tags: fc.oneof(
      fc.uniqueArray(tag, { maxLength: 11 }).map((tags) => tags.sort()),
      fc.array(tag),
    ),
    attributes: fc.dictionary(fc.oneof(anyText, fc.constant('__proto__')), anyText, {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    plan: absent(fc.constantFrom('starter', 'pro', 'gone', '')),
    credentialType: fc.constantFrom('system', 'byok', 'subscription', 'reserved'),
    zeroDataRetention: fc.boolean(),
    provider: fc.constantFrom('openai', 'openai', 'other', ''),
    requestModel: absent(fc.constantFrom('gpt-test', 'mystery', '')),
    responseModel: absent(fc.constantFrom('gpt-test', 'mystery', '')),
    operation: anyText,
    serviceTierRequested: absent(anyText),
    serviceTier: absent(fc.constantFrom('default', 'flex', 'scale')),
    region: absent(anyText),
    streamed: fc.boolean(),
    finishReason: absent(anyText),
    responseId: absent(anyText),
    httpStatus: absent(fc.oneof(fc.constantFrom(200, 400, 429, 99, 1_000), int)),
    outcome: fc.constantFrom('ok', 'provider_error', 'client_abort', 'upstream_reset', 'timeout', 'orphan'),
    errorType: absent(anyText),
    usageSource: fc.constantFrom('reported', 'partial', 'estimated', 'none'),
    usageFlags: int,
    requestTextBytes: absent(count),
    outputDeltas: absent(int),
    presentBuckets: int,
    inputTokens: count,
    cacheReadTokens: fc.constantFrom(0, 0, 5),
    outputTokens: count,
    quantities: fc.constantFrom({}, {}, { web_search_requests: 1 }),
    providerReportedCost: absent(
      fc.oneof(
        fc.bigInt(-(10n ** 38n) + 1n, 10n ** 38n - 1n),
        fc.constantFrom(0n, 127n, 128n, -128n, -129n, 2n ** 63n),
      ),
    ),
    usageRaw: absent(
      fc.oneof(anyText, fc.constantFrom('x'.repeat(4_096), 'x'.repeat(4_097), 'é'.repeat(2_048))),
    ),
    timeToFirstTokenMs: absent(int),
    durationMs: absent(int),
  },
  { requiredKeys: [] },
);
/** At most four of them, so that most events stay valid. */
const oddEvent = fc
  .tuple(fc.nat(30), fc.array(fc.tuple(oddFacts, fc.nat()), { maxLength: 4 }))
  .map(([name, odds]) =>
    exampleEvent(
      name,
      Object.fromEntries(
        odds.flatMap(([facts, pick]) => {
          const pairs = Object.entries(facts);
          const pair = pairs[pick % Math.max(1, pairs.length)];
          return pair === undefined ? [] : [pair];
        }),
      ),
    ),
  );

describe('the fast lane', () => {
  it('comes to what the way over objects comes to, whatever an event holds', () => {
    let unusual = 0;
    let all = 0;
    fc.assert(
      fc.property(fc.array(oddEvent, { minLength: 1, maxLength: 40 }), (events) => {
        const writable = events.filter(isWritable);
        unusual += compareWays(writable);
        all += writable.length;
      }),
      { numRuns: 400 },
    );
    // Both ways are gone.
    expect(unusual).toBeGreaterThan(all * 0.1);
    expect(unusual).toBeLessThan(all * 0.7);
  });

  it('comes to the same with every fact at and beyond its limits', () => {
    for (const unit of ['a', 'é', '\u{1f600}', '\ufffd']) {
      for (const length of [0, 1, 32, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1_024, 1_025, 4_096]) {
        const text = unit.repeat(length);
        const odd = Object.entries(exampleEvent(1)).flatMap(([key, value], name) =>
          typeof value === 'string' || value === null ? [exampleEvent(name, { [key]: text })] : [],
        );
        compareWays([
          ...odd.filter(isWritable),
          exampleEvent(99, { tags: [text] }),
          exampleEvent(98, { attributes: { [text]: text } }),
        ]);
      }
    }
  });

  it('comes to the same when bytes are damaged anywhere', () => {
    const good = exampleBytes(
      exampleEvent(1, {
        attributes: { a: 'é' },
        tags: ['a', 'b'],
        providerReportedCost: -300n,
        usageRaw: '{"n":1}',
      }),
    );
    const values = Array.from({ length: good.length }, (_, at) =>
      [0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xc3, 0xff].map((byte) => {
        const bytes = Buffer.from(good);
        bytes[at] = byte;
        return bytes;
      }),
    ).flat();
    for (const value of values) {
      compareWays([value]);
    }
    for (let end = 0; end < good.length; end += 1) {
      compareWays([
        good.subarray(0, end),
        Buffer.concat([good.subarray(0, end), Buffer.from('80', 'hex'), good.subarray(end)]),
      ]);
    }
  });

  it('says the same of texts that are none as of what they are read as', () => {
    for (const facts of [
      { orgId: 'acme' },
      { project: 'ab' },
      { user: 'ab' },
      { provider: 'ab' },
      { region: 'ab' },
    ]) {
      const [text = expect.fail()] = Object.values(facts);
      const damaged = exampleBytes(exampleEvent(1, facts));
      damaged[damaged.lastIndexOf(text) + 1] = 0xff;
      const repaired = exampleEvent(1, {
        ...facts,
        [Object.keys(facts)[0] ?? '']: text.replace(/^(.)./, '$1\ufffd'),
      });
      compareWays([damaged, repaired]);
      compareWays([repaired, damaged, damaged]);
    }
  });

  it('takes everyday events', () => {
    const eventId = Buffer.from('019abc6e5d0a7c3e9f2b8d41a6c0e5f7', 'hex');
    const everyday = [
      exampleEvent(1),
      exampleEvent(2, { eventId, operationId: uuidText(eventId), user: 'künde-7', serviceTier: 'default' }),
      exampleEvent(3, {
        usageSource: 'none',
        outcome: 'provider_error',
        httpStatus: 429,
        credentialType: 'byok',
      }),
      exampleEvent(4, { requestModel: 'mystery', responseModel: 'mystery', attributes: { team: 'a' } }),
      exampleEvent(5, {
        user: null,
        tags: [],
        plan: 'gone',
        providerReportedCost: 12_345n,
        usageRaw: '{"é":1}',
      }),
    ];
    expect(compareWays(everyday)).toBe(0);
  });

  it('leaves to the other way what it cannot rate, and counts it once', () => {
    const searched = exampleEvent(1, { cacheReadTokens: 7 });
    expect(compareWays([searched, exampleEvent(1, { cacheReadTokens: 8 }), searched])).toBe(0);
  });

  it('tells users of one name in two orgs apart, and their plans', () => {
    const acme = terms.orgs.get('acme') ?? expect.fail();
    const bolt = { ...acme, orgId: 'bolt', userPlans: new Map([['customer-1', 'gone']]) };
    const both = exampleTools(exampleTerms({ orgs: new Map([...terms.orgs, ['bolt', bolt]]) }));
    const values = [exampleEvent(1), exampleEvent(2, { orgId: 'bolt' }), exampleEvent(3)];
    const [short, long] = [both, { ...both, fastLane: null }].map((each) => resultOf(rate(values, each)));
    expect(short).toEqual(long);
    expect(short).toMatchObject({ users: [{ orgId: 'acme' }, { orgId: 'bolt' }] });
  });

  it('decides nothing while an org is unknown', () => {
    const values = [exampleEvent(1), exampleEvent(2, { orgId: 'newcomer' })];
    compareWays(values);
    expect(rate(values, tools)).toEqual({ kind: 'unknown_org', orgId: 'newcomer', kafkaOffset: 1 });
  });

  it('finds what stands before the range, and what is older than that', () => {
    const first = rated(rate([exampleEvent(1), exampleEvent(2)], tools));
    const again = [exampleEvent(1), exampleEvent(2, { outputTokens: 7 }), exampleEvent(3)];
    const [short, long] = [tools, { ...tools, fastLane: null }].map((each) =>
      resultOf(rate(again, each, first)),
    );
    expect(short).toEqual(long);
    expect(short).toMatchObject({ counts: { stored: 1, duplicates: 1, deadLetters: 1 } });

    const older = () =>
      createOlderEvents({
        edge: { isWhole: false, timestampMs: null },
        hasPredecessors: false,
        directIds: null,
        lookedUp: { keys: new Set(), found: { find: () => 'absent' } },
      });
    for (const fastLane of [tools.fastLane, null]) {
      const asked = older();
      rateBatch(rangeOf(again), {
        tools: { ...tools, fastLane },
        window: new DuplicateWindow(),
        older: asked,
      });
      expect(asked.undecided.map(({ eventId }) => eventId[15])).toEqual([1, 2, 3]);
    }
  });

  describe('what it remembers', () => {
    const values = Array.from({ length: 300 }, (_, name) =>
      exampleEvent(name, {
        user: `customer-${name % 70}`,
        responseModel: name % 2 === 0 ? 'gpt-test' : `model-${name % 40}`,
        plan: `plan-${name % 30}`,
        project: `project-${name % 20}`,
      }),
    );

    it('makes no difference', () => {
      const warm = exampleTools(terms);
      const once = resultOf(rate(values, warm));
      expect(resultOf(rate(values, warm))).toEqual(once);
      expect(resultOf(rate(values, { ...warm, fastLane: null }))).toEqual(once);
    });

    it.each(Object.keys(RATING_LIMITS))('starts afresh beyond its limit of %s, and says so', (limit) => {
      const passed: string[] = [];
      const fastLane = new FastLane({
        ...tools,
        limits: { ...RATING_LIMITS, [limit]: 0 },
        onLimit: (name) => passed.push(name),
      });
      const forgetful = { ...tools, fastLane };
      const once = resultOf(rate(values, forgetful));
      expect(passed).toEqual([]);
      expect(resultOf(rate(values, forgetful))).toEqual(once);
      expect(passed).toEqual([limit]);
      expect(resultOf(rate(values, { ...forgetful, fastLane: null }))).toEqual(once);
    });

    it('rates without it what has a number that is too high', () => {
      const many = Array.from({ length: WHAT_NUMBERS_MAX + 10 }, (_, name) =>
        exampleEvent(name, { region: `region-${name}` }),
      );
      expect(compareWays(many)).toBe(0);
    });
  });
});

function isWritable(event: UsageEvent): boolean {
  try {
    return exampleBytes(event).length > 0;
  } catch {
    return false;
  }
}

function rated(outcome: BatchOutcome): RatedBatch {
  if (outcome.kind !== 'rated') {
    throw new Error(`not rated: ${outcome.kind}`);
  }
  return outcome.batch;
}
