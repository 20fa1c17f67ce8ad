import { encodeUsageEvent } from '@meterstone/events';
import { type FetchedRecord, type PlacedRecord, RecordList } from '@meterstone/kafka';
import {
  createRater,
  type RatingTerms,
  readRatePlan,
  TOKEN_BUCKETS,
  type UsageEvent,
} from '@meterstone/metering';
import { createUserKeyer } from '@meterstone/store';
import { wholeEvent } from '../../../test/support/whole-event.ts';
import { FastLane } from './fast-lane/fast-lane.ts';
import type { RatingTools } from './rate-batch.ts';

/** Builders for tests. Valid defaults; each takes only what matters. */

const EXAMPLE_TIME = Date.UTC(2026, 10, 24, 12);
export const EXAMPLE_SECRET = Buffer.from('a secret of thirty-two characters');

/** Event number `name`, by customer-1 of org acme: 1,000 tokens in, 100 out. */
export function exampleEvent(name: number, facts: Partial<UsageEvent> = {}): UsageEvent {
  const eventId = Buffer.alloc(16);
  eventId.writeUInt32BE(name, 12);
  return { ...EXAMPLE_EVENT, eventId, operationId: `operation-${name}`, ...facts };
}

export function exampleBytes(event: UsageEvent): Buffer {
  const slab = Buffer.alloc(8192);
  return slab.subarray(0, encodeUsageEvent(event, slab, 0));
}

/** A record as it was read. */
export function exampleRecord(offset: number, value: ExampleValue, key: Buffer | null = null): PlacedRecord {
  const record = RecordList.of([exampleFetched(offset, value, key)]).at(0);
  if (record === undefined) throw new Error('a list of one record has one');
  return record;
}

type ExampleValue = UsageEvent | Buffer | null;

/** The facts of a record, from which others can be made. */
export function exampleFetched(
  offset: number,
  value: ExampleValue,
  key: Buffer | null = null,
): FetchedRecord {
  const bytes = value === null || Buffer.isBuffer(value) ? value : exampleBytes(value as UsageEvent); // What is left.
  return { offset, timestampMs: EXAMPLE_TIME + offset, key, value: bytes };
}

/** Records of these values beside one another. */
export function exampleRecords(values: readonly ExampleValue[], firstOffset = 0): RecordList {
  return RecordList.of(values.map((value, index) => exampleFetched(firstOffset + index, value)));
}

/**
 * Terms of org acme: `openai/gpt-test` costs $2.50 a million tokens in and $10.00 out, all other models are unknown;
 * everybody is charged 1.2 times the list price.
 */
export function exampleTerms(facts: Partial<RatingTerms> = {}): RatingTerms {
  return {
    epoch: 'epoch-1',
    priceBook: {
      version: 'book-1',
      providers: new Map([
        [
          'openai',
          {
            provider: 'openai',
            names: new Map([['gpt-test', GPT_TEST]]),
            looseNames: new Map(),
            rules: [],
            fallbacks: [],
          },
        ],
      ]),
    },
    orgs: new Map([['acme', ACME]]),
    ...facts,
  };
}

/** Tools that remember nothing yet. */
export function exampleTools(terms: RatingTerms = exampleTerms()): RatingTools {
  const userKeyOf = createUserKeyer(EXAMPLE_SECRET);
  return { terms, rate: createRater(terms), userKeyOf, fastLane: new FastLane({ terms, userKeyOf }) };
}

const GPT_TEST = {
  id: 'gpt-test',
  model: 'openai/gpt-test',
  tiers: new Map([
    [
      'standard',
      [
        {
          from: Number.NEGATIVE_INFINITY,
          to: Number.POSITIVE_INFINITY,
          window: null,
          bands: [
            {
              over: -1,
              rates: {
                // In femtodollars a token: $2.50 a million is 2,500,000,000.
                tokens: TOKEN_BUCKETS.map((bucket) =>
                  bucket === 'inputTokens'
                    ? 2_500_000_000n
                    : bucket === 'outputTokens'
                      ? 10_000_000_000n
                      : null,
                ),
                quantities: new Map(),
                request: 0n,
              },
            },
          ],
        },
      ],
    ],
  ]),
  regionMultipliers: [],
};

const ACME = {
  orgId: 'acme',
  plan: 'starter',
  ratePlans: new Map([
    [
      'starter',
      readRatePlan('starter', [
        {
          from: 0,
          multiplier: '1.2',
          markupPerMillionTokens: '0',
          feePerRequest: '0',
        },
      ]),
    ],
  ]),
  userPlans: new Map(),
  keyPlans: new Map(),
  byokFeePerRequest: 0n,
};

const EXAMPLE_EVENT = wholeEvent({
  operationId: 'operation',
  occurredAt: EXAMPLE_TIME - 3_000,
  ingestedAt: EXAMPLE_TIME - 1_000,
  apiKeyId: 'key_backend',
  project: 'chat',
  user: 'customer-1',
  tags: ['feature:search'],
  requestModel: 'gpt-test',
  responseModel: 'gpt-test',
  responseId: 'chatcmpl-1',
  presentBuckets: 0b10_0000_0001,
  inputTokens: 1_000,
  outputTokens: 100,
  durationMs: 900,
});
