import { randomBytes } from 'node:crypto';
import { type Outcome, type UsageEvent, validateUsageEvent } from '@meterstone/metering';
import { findReader } from '@meterstone/providers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMeter } from '../answer/meter.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { buildEvents, type ReadEnd } from './build-events.ts';
import { createEventIds } from './event-ids.ts';

const NOW = 1_795_000_000_000;
const SOURCE = { sourceRef: 'proxy-1/0.1.0', ingestedAt: NOW + 5 };

const ATTEMPT: Attempt = {
  id: createEventIds({ random: (bytes) => bytes.set(randomBytes(bytes.length)) })(NOW),
  operationId: 'op',
  startedAt: NOW,
  orgId: 'acme',
  apiKeyId: 'key_a',
  attribution: {
    user: null,
    tags: [],
    project: null,
    plan: null,
    sessionId: null,
    agent: null,
    operationId: null,
    traceId: null,
    userUnattributed: false,
  },
  credentialType: 'system',
  provider: 'openai',
  requestModel: 'gpt-5',
  operation: 'chat',
  serviceTierRequested: null,
  asksForStream: true,
  requestTextBytes: 40,
};

const END: ReadEnd = {
  outcome: 'ok',
  errorType: null,
  httpStatus: 200,
  streamed: true,
  reading: { facts: null, deltas: 3, isTooLarge: false, fault: null },
  timeToFirstTokenMs: 1,
  durationMs: 2,
};

function only(events: readonly UsageEvent[]): UsageEvent | undefined {
  expect(events).toHaveLength(1);
  return events[0];
}

/** Whatever a provider may answer: JSON with the members that readers look at, holding anything. */
const answer = fc.dictionary(
  fc.constantFrom(
    'id',
    'model',
    'choices',
    'usage',
    'error',
    'service_tier',
    'type',
    'content',
    'stop_reason',
  ),
  fc.oneof(
    fc.jsonValue({ stringUnit: 'binary' }),
    fc.string({ minLength: 1500, maxLength: 3000 }),
    fc.dictionary(
      fc.constantFrom(
        'prompt_tokens',
        'completion_tokens',
        'input_tokens',
        'output_tokens',
        'total_tokens',
        'cost',
      ),
      fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.string()),
    ),
  ),
);

describe('building events', () => {
  it('gives events that can be booked, whatever a provider answered and however it ended', () => {
    const outcomes: Outcome[] = ['ok', 'client_abort', 'upstream_reset', 'timeout'];
    const end = fc.record({
      outcome: fc.constantFrom(...outcomes),
      httpStatus: fc.constantFrom(null, 200, 400, 529),
      streamed: fc.constantFrom(null, true, false),
    });
    fc.assert(
      fc.property(
        answer,
        end,
        fc.constantFrom('/v1/messages', '/v1/chat/completions'),
        (body, facts, path) => {
          const meter = createMeter({
            reader: findReader('openai', 'POST', path),
            contentType: 'application/json',
            contentEncoding: null,
            cutsUsage: false,
            limits: { answerBytesMax: 1e6, frameBytesMax: 1e6 },
            budget: { reserve: () => true, release: () => {}, used: 0 },
          });
          meter.pass(Buffer.from(JSON.stringify(body)));
          const reading = meter.read();
          if (reading instanceof Promise) throw new Error('a plain answer is read at once');
          for (const event of buildEvents(ATTEMPT, { ...END, ...facts, reading }, SOURCE)) {
            expect(validateUsageEvent(event)).toBeNull();
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each<[string, Partial<Attempt>, Partial<AttemptEnd>, UsageEvent['usageSource']]>([
    ['a stream that forgot its usage', {}, {}, 'estimated'],
    ['a stream that was cut off', {}, { outcome: 'upstream_reset' }, 'estimated'],
    [
      'a request that a provider was silent to',
      {},
      { outcome: 'timeout', httpStatus: null, streamed: null },
      'estimated',
    ],
    [
      'a connection that broke before an answer',
      {},
      { outcome: 'upstream_reset', httpStatus: null, streamed: null },
      'none',
    ],
    ['a whole JSON answer without usage', {}, { streamed: false }, 'none'],
    ['an error', {}, { httpStatus: 500 }, 'none'],
    ['a path without a reader', { operation: 'unknown' }, { outcome: 'upstream_reset' }, 'none'],
  ])('%s', (_, attempt, end, usageSource) => {
    expect(only(buildEvents({ ...ATTEMPT, ...attempt }, { ...END, ...end }, SOURCE))?.usageSource).toBe(
      usageSource,
    );
  });

  it('estimates nothing where metering itself failed', () => {
    const reading = { ...END.reading, fault: new Error('broken') };
    expect(only(buildEvents(ATTEMPT, { ...END, reading }, SOURCE))?.usageSource).toBe('none');
  });

  it('cuts a name that is over the limit of an event rather than losing the event', () => {
    const event = only(buildEvents({ ...ATTEMPT, requestModel: `${'m'.repeat(1023)}🙂` }, END, SOURCE));
    expect(event?.requestModel).toBe(`${'m'.repeat(1023)}\ufffd`);
    expect(event === undefined ? 'none' : validateUsageEvent(event)).toBeNull();
  });
});
