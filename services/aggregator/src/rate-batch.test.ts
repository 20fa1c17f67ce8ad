import type { UsageEvent } from '@meterstone/metering';
import { rawBlockBytes, rawBlockRowCount } from '@meterstone/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateWindow } from './deduplicate.ts';
import { exampleEvent, exampleRecord, exampleRecords, exampleTerms, exampleTools } from './example.ts';
import { type RatingTools, rateBatch } from './rate-batch.ts';
import type { BatchOutcome, RatedBatch, RecordRange } from './rated-batch.ts';
import { RECORD_BYTES_MAX } from './read-record.ts';

type Values = readonly (UsageEvent | Buffer | null)[];

function rangeOf(values: Values, firstOffset = 0): RecordRange {
  return {
    stream: 1,
    topic: 'usage-events',
    kafkaPartition: 3,
    firstOffset,
    nextOffset: firstOffset + values.length,
    records: exampleRecords(values, firstOffset),
  };
}

function rated(outcome: BatchOutcome): RatedBatch {
  if (outcome.kind !== 'rated') {
    throw new Error(`not rated: ${outcome.kind}`);
  }
  return outcome.batch;
}

function rateValues(values: Values, tools: RatingTools = exampleTools()): RatedBatch {
  return rated(rateBatch(rangeOf(values), { tools, window: new DuplicateWindow() }));
}

describe('rating a range', () => {
  it('stores each event, each user once, and counts', () => {
    const batch = rateValues([
      exampleEvent(1),
      exampleEvent(2, { user: 'customer-2' }),
      exampleEvent(3),
      exampleEvent(4, { user: null }),
    ]);
    expect(batch.counts).toEqual({ records: 4, stored: 4, duplicates: 0, deadLetters: 0 });
    expect(rawBlockRowCount(batch.block)).toBe(4);
    expect(batch.users.map(({ orgId, user }) => [orgId, user])).toEqual([
      ['acme', 'customer-1'],
      ['acme', 'customer-2'],
    ]);
    expect(batch.deadLetters).toEqual([]);
  });

  it('drops a copy and keeps the lines of one event apart', () => {
    const batch = rateValues([exampleEvent(1), exampleEvent(1), exampleEvent(1, { line: 1 })]);
    expect(batch.counts).toEqual({ records: 3, stored: 2, duplicates: 1, deadLetters: 0 });
  });

  it('takes an event that was built again, later and elsewhere, for a copy', () => {
    const again = exampleEvent(1, {
      ingestedAt: exampleEvent(1).ingestedAt + 5_000,
      sourceRef: 'proxy-2/0.1.0',
    });
    expect(rateValues([exampleEvent(1), again]).counts).toMatchObject({ stored: 1, duplicates: 1 });
  });

  it('lets the first content of an id win and makes the other a dead letter', () => {
    const other = exampleEvent(1, { outputTokens: 101 });
    const batch = rateValues([exampleEvent(1), other, exampleEvent(1)]);
    expect(batch.counts).toEqual({ records: 3, stored: 1, duplicates: 1, deadLetters: 1 });
    expect(batch.deadLetters).toMatchObject([
      {
        stream: 1,
        topic: 'usage-events',
        kafkaPartition: 3,
        kafkaOffset: 1,
        code: 'duplicate_conflict',
        recordValue: exampleRecord(1, other).value,
      },
    ]);
  });

  it.each<[string, string, UsageEvent | Buffer | null]>([
    ['undecodable', 'noise', Buffer.from('not an event')],
    ['undecodable', 'a record without a value', null],
    ['unknown_schema', 'an unknown fingerprint', Buffer.from('c3010102030405060708', 'hex')],
    ['record_too_large', 'a value over the limit', Buffer.alloc(RECORD_BYTES_MAX + 1)],
    ['text_missing', 'an event without an org', exampleEvent(2, { orgId: '' })],
    ['invalid_count', 'negative usage', exampleEvent(2, { inputTokens: -1 })],
    ['occurred_too_early', 'an event of another decade', exampleEvent(2, { occurredAt: 0 })],
    ['occurred_too_late', 'an event from the future', exampleEvent(2, { occurredAt: Date.UTC(2027, 0) })],
  ])('makes a dead letter %s of %s and goes on', (code, _, value) => {
    const batch = rateValues([exampleEvent(1), value, exampleEvent(3)]);
    expect(batch.counts).toEqual({ records: 3, stored: 2, duplicates: 0, deadLetters: 1 });
    expect(batch.deadLetters).toMatchObject([{ code, kafkaOffset: 1, recordKey: null }]);
    expect(batch.deadLetters[0]?.recordValue).toEqual(exampleRecord(1, value).value);
  });

  it('stores an event whose model nobody can price', () => {
    const batch = rateValues([exampleEvent(1, { requestModel: 'mystery', responseModel: 'mystery' })]);
    expect(batch.counts).toMatchObject({ stored: 1, deadLetters: 0 });
  });

  it('decides nothing while an org is unknown, not even for the others', () => {
    const outcome = rateBatch(rangeOf([exampleEvent(1), exampleEvent(2, { orgId: 'newcomer' })], 40), {
      tools: exampleTools(),
      window: new DuplicateWindow(),
    });
    expect(outcome).toEqual({ kind: 'unknown_org', orgId: 'newcomer', kafkaOffset: 41 });
  });

  it('needs no org for a copy', () => {
    const values = [exampleEvent(2, { orgId: 'gone' })];
    const known = rateValues(values, exampleTools(orgsOf('gone')));
    expect(rateBatch(rangeOf(values, 10), { tools: exampleTools(), window: known.seen })).toMatchObject({
      kind: 'rated',
      batch: { counts: { stored: 0, duplicates: 1 } },
    });
  });

  it('calls a record a duplicate only of what stands before its range', () => {
    const first = rangeOf([exampleEvent(1), exampleEvent(2)]);
    const window = new DuplicateWindow();
    const once = rated(rateBatch(first, { tools: exampleTools(), window: window }));
    // Read, rated, but never stored: the same range again, as after a rebalance, must give the same rows.
    const again = rated(rateBatch(first, { tools: exampleTools(), window: window }));
    expect(again.counts).toEqual(once.counts);
    window.absorb(again.seen);
    expect(
      rated(
        rateBatch(rangeOf([exampleEvent(2), exampleEvent(3)], 2), { tools: exampleTools(), window: window }),
      ).counts,
    ).toEqual({
      records: 2,
      stored: 1,
      duplicates: 1,
      deadLetters: 0,
    });
  });
});

describe('the same range', () => {
  const someEvent = fc
    .record({
      name: fc.integer({ min: 1, max: 40 }),
      user: fc.constantFrom('customer-1', 'customer-2', null),
      outputTokens: fc.constantFrom(100, 200),
      responseModel: fc.constantFrom('gpt-test', 'mystery'),
    })
    .map(({ name, ...facts }) => exampleEvent(name, facts));
  const someValue: fc.Arbitrary<UsageEvent | Buffer> = fc.oneof(
    { weight: 9, arbitrary: someEvent },
    { weight: 1, arbitrary: fc.constant(Buffer.from('noise')) },
  );

  it('gives byte-identical rows, users, dead letters and counts with warm and with cold memory', () => {
    const warm = exampleTools();
    fc.assert(
      fc.property(
        fc.array(someValue, { maxLength: 60 }),
        fc.array(someValue, { maxLength: 60 }),
        (before, values) => {
          const range = rangeOf(values, before.length);
          const live = new DuplicateWindow();
          live.absorb(rateValues(before, warm).seen);
          const [a, b] = [
            rated(rateBatch(range, { tools: warm, window: live })),
            rated(rateBatch(range, { tools: warm, window: live })),
          ];
          const rebuilt = new DuplicateWindow();
          rebuilt.absorb(rateValues(before).seen);
          const c = rated(rateBatch(range, { tools: exampleTools(), window: rebuilt }));
          for (const other of [b, c]) {
            expect(rawBlockBytes(other.block).equals(rawBlockBytes(a.block))).toBe(true);
            expect([other.users, other.deadLetters, other.counts]).toEqual([
              a.users,
              a.deadLetters,
              a.counts,
            ]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('cut in two gives the rows of the whole', () => {
    fc.assert(
      fc.property(fc.array(someValue, { minLength: 1, maxLength: 60 }), fc.nat(), (values, cutAt) => {
        const cut = cutAt % values.length;
        const window = new DuplicateWindow();
        const first = rated(
          rateBatch(rangeOf(values.slice(0, cut)), { tools: exampleTools(), window: window }),
        );
        window.absorb(first.seen);
        const second = rated(
          rateBatch(rangeOf(values.slice(cut), cut), { tools: exampleTools(), window: window }),
        );
        const whole = rateValues(values);
        expect(first.counts.stored + second.counts.stored).toBe(whole.counts.stored);
        expect(first.counts.duplicates + second.counts.duplicates).toBe(whole.counts.duplicates);
        expect([...first.deadLetters, ...second.deadLetters]).toEqual(whole.deadLetters);
      }),
      { numRuns: 60 },
    );
  });
});

function orgsOf(orgId: string) {
  const terms = exampleTerms();
  const acme = terms.orgs.get('acme');
  if (acme === undefined) {
    throw new Error('the example has org acme');
  }
  return exampleTerms({ orgs: new Map([[orgId, { ...acme, orgId }]]) });
}
