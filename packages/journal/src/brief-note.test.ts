import { encodeUsageEvent } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BriefNoteWriter, readBriefNote } from './brief-note.ts';
import { exampleEvent } from './example-event.ts';
import { FrameWriter } from './frame-writer.ts';
import { readFrame } from './read-frame.ts';
import { readNote } from './read-note.ts';

const text = fc.string({ unit: fc.constantFrom(...'aZ09-_:./ \u0000\u007f'), maxLength: 80 });
const absent = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: null });
const count = fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));

/** All that a brief note can say. */
const anyBrief: fc.Arbitrary<UsageEvent> = fc
  .record({
    eventId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
    operationId: text,
    occurredAt: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    orgId: text,
    apiKeyId: absent(text),
    project: absent(text),
    user: absent(text),
    sessionId: absent(text),
    agent: absent(text),
    traceId: absent(text),
    tags: fc.array(text, { maxLength: 10 }),
    plan: absent(text),
    credentialType: fc.constantFrom(
      'system' as const,
      'byok' as const,
      'subscription' as const,
      'reserved' as const,
    ),
    provider: text,
    requestModel: absent(text),
    operation: text,
    serviceTierRequested: absent(text),
    streamed: fc.boolean(),
    usageSource: fc.constantFrom(
      'reported' as const,
      'partial' as const,
      'estimated' as const,
      'none' as const,
    ),
    usageFlags: count,
    requestTextBytes: absent(count),
    outputDeltas: absent(count),
    presentBuckets: count,
    inputTokens: count,
    outputTokens: count,
  })
  .map(exampleEvent);

/** Of every fact a value that is not the example's: those that a brief note has no place for, and those too large for it. */
const OTHERWISE: { readonly [Fact in keyof UsageEvent]: readonly UsageEvent[Fact][] } = {
  eventId: [Buffer.alloc(16, 3)],
  line: [1],
  operationId: ['', 'é', 'x'.repeat(300), '\u{1f600}'],
  attempt: [2],
  final: [false],
  parentOperationId: ['parent'],
  kind: ['adjustment'],
  source: ['events'],
  sourceRef: ['other/1'],
  adjustsEventId: [Buffer.alloc(16, 1)],
  adjustsLine: [0],
  correctionId: ['c'],
  reason: [''],
  marketCostDelta: [0n],
  totalCostDelta: [-1n],
  surchargeCostDelta: [1n],
  chargeDelta: [0n],
  occurredAt: [0, -1, 2 ** 48],
  ingestedAt: [7],
  orgId: ['', 'straße'],
  apiKeyId: [null, ''],
  project: [null, 'ü'],
  user: [null, '', 'ÿ', 'u'.repeat(256)],
  sessionId: ['s'],
  agent: ['a'],
  traceId: ['0'.repeat(32)],
  tags: [[], ['a'], ['ö']],
  attributes: [{ a: 'b' }],
  plan: [null],
  credentialType: ['byok', 'subscription', 'reserved'],
  zeroDataRetention: [true],
  provider: ['anthropic'],
  requestModel: [null, 'm'.repeat(1_024)],
  responseModel: ['m'],
  operation: ['messages'],
  serviceTierRequested: ['flex'],
  serviceTier: ['flex'],
  region: ['eu'],
  streamed: [false],
  finishReason: ['stop'],
  responseId: ['r'],
  httpStatus: [200],
  outcome: ['ok', 'timeout'],
  errorType: ['e'],
  usageSource: ['reported', 'partial', 'none'],
  usageFlags: [5, -1],
  requestTextBytes: [null, 0, 2 ** 32],
  outputDeltas: [0, 12],
  presentBuckets: [0, 1 << 9],
  inputTokens: [0, -1, 2 ** 40],
  inputAudioTokens: [1],
  inputImageTokens: [1],
  inputVideoTokens: [1],
  cacheReadTokens: [1],
  cacheReadAudioTokens: [1],
  cacheWriteTokens: [1],
  cacheWrite5mTokens: [1],
  cacheWrite1hTokens: [1],
  outputTokens: [1, 2 ** 32],
  reasoningTokens: [1],
  outputAudioTokens: [1],
  outputImageTokens: [1],
  quantities: [{ searches: 1 }],
  providerReportedCost: [0n],
  usageRaw: ['{}'],
  timeToFirstTokenMs: [0],
  durationMs: [0],
};

/** What the heir reads of a note, and whether it was a brief one. */
function noteAndRead(event: UsageEvent): { readonly event: UsageEvent; readonly isBrief: boolean } {
  const frame = new FrameWriter(65_536);
  expect(frame.noted(event)).toBe(true);
  const read = readFrame(frame.seal(1), 0, 1);
  const [note] = read.kind === 'frame' ? read.records : [];
  if (note?.type !== 'noted') {
    throw new Error('no note');
  }
  return { event: readNote(note, event), isBrief: note.isBrief };
}

describe('a brief note', () => {
  it('gives back the event, key by key in the same order', () => {
    fc.assert(
      fc.property(anyBrief, (event) => {
        const read = noteAndRead(event);
        expect(read).toEqual({ event, isBrief: true });
        expect(Object.keys(read.event)).toEqual(Object.keys(event));
      }),
    );
  });

  it('takes less than two thirds of what the event does', () => {
    const [brief, whole] = [Buffer.alloc(4_096), Buffer.alloc(4_096)];
    const briefBytes = new BriefNoteWriter(brief).write(exampleEvent(), 0);
    expect(briefBytes).toBeLessThan((encodeUsageEvent(exampleEvent(), whole, 0) * 2) / 3);
  });

  it('is not written where it does not fit, at any place in the buffer', () => {
    for (let length = 0; length < 400; length++) {
      const bytes = Buffer.alloc(length);
      const end = new BriefNoteWriter(bytes).write(exampleEvent(), 10);
      expect(end).toBeLessThanOrEqual(length);
      expect(
        end < 0 || readBriefNote(Buffer.alloc(16), bytes.subarray(10, end), exampleEvent()) !== null,
      ).toBe(true);
    }
  });

  it('is none with bytes missing or left over, and reading any never throws', () => {
    const bytes = Buffer.alloc(1_024);
    const end = new BriefNoteWriter(bytes).write(exampleEvent(), 0);
    const read = (some: Buffer) => readBriefNote(Buffer.alloc(16), some, exampleEvent());
    for (let length = 0; length <= end + 5; length++) {
      expect(read(bytes.subarray(0, length)) === null).toBe(length !== end);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (some) => {
        read(Buffer.from(some));
      }),
    );
  });
});

describe('a note', () => {
  const cases = Object.entries(OTHERWISE).flatMap(([fact, values]) => values.map((value) => [fact, value]));

  it.each(cases)('loses nothing of an event whose %s is %o', (fact, value) => {
    const event = exampleEvent({ [String(fact)]: value });
    expect(noteAndRead(event).event).toEqual(event);
  });
});
