import { EVENT_LIMITS, NO_TOKENS, type Outcome, USAGE_FLAGS, type UsageEvent } from '@meterstone/metering';
import type { AnswerFacts, UsageLine } from '@meterstone/providers';
import type { Reading } from '../answer/answer-meter.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { estimateUsage, type LineUsage } from './estimate.ts';

export interface EventSourceFacts {
  /** Which instance and version wrote it. */
  readonly sourceRef: string;
  /** Epoch milliseconds, now. */
  readonly ingestedAt: number;
}

/** How an attempt ended, and what was read of its answer. */
export type ReadEnd = AttemptEnd & { readonly reading: Reading };

/** The operation of a path that no reader knows. */
export const UNKNOWN_OPERATION = 'unknown';

/** The events of one attempt: line 0, and one more per further line that the answer billed. */
export function buildEvents(attempt: Attempt, end: ReadEnd, source: EventSourceFacts): UsageEvent[] {
  const lines = end.reading.facts?.lines ?? NO_LINES;
  const { facts } = end.reading;
  return lines.map((line) =>
    buildEvent({ attempt, end, facts, source, line, usage: lineUsage(attempt, end, line) }),
  );
}

/**
 * The event that stands for an attempt if this process dies before it ends: final, an orphan, estimated from the text
 * that was sent and the deltas seen so far. Whoever sends it puts in the time of that.
 */
export function buildOrphan(
  attempt: Attempt,
  { deltas, sourceRef }: { readonly deltas: number | null; readonly sourceRef: string },
): UsageEvent {
  const end = { ...ORPHAN_END, reading: { facts: null, deltas, isTooLarge: false, fault: null } };
  const source = { sourceRef, ingestedAt: attempt.startedAt };
  const usage = lineUsage(attempt, end, NO_LINE);
  return buildEvent({ attempt, end, facts: null, source, line: NO_LINE, usage });
}

const ORPHAN_END: AttemptEnd = Object.freeze({
  outcome: 'orphan',
  errorType: null,
  httpStatus: null,
  streamed: null,
  timeToFirstTokenMs: null,
  durationMs: null,
});

interface EventParts {
  readonly attempt: Attempt;
  readonly end: ReadEnd;
  readonly source: EventSourceFacts;
  readonly line: UsageLine;
  readonly facts: AnswerFacts | null;
  readonly usage: LineUsage;
}

/** Every key in the order of `UsageEvent`, so that all events have one shape. */
function buildEvent({ attempt, end, facts, source, line, usage }: EventParts): UsageEvent {
  const { attribution } = attempt;
  const { tokens } = usage;
  return {
    eventId: attempt.id.bytes,
    line: line.line,
    operationId: attempt.operationId,
    attempt: 0,
    final: true,
    parentOperationId: null,
    kind: 'usage',
    source: 'proxy',
    sourceRef: source.sourceRef,
    adjustsEventId: null,
    adjustsLine: null,
    correctionId: null,
    reason: null,
    marketCostDelta: null,
    totalCostDelta: null,
    surchargeCostDelta: null,
    chargeDelta: null,
    occurredAt: attempt.startedAt,
    ingestedAt: source.ingestedAt,
    orgId: attempt.orgId,
    apiKeyId: attempt.apiKeyId,
    project: attribution.project,
    user: attribution.user,
    sessionId: attribution.sessionId,
    agent: attribution.agent,
    traceId: attribution.traceId,
    tags: attribution.tags,
    attributes: NO_ATTRIBUTES,
    plan: attribution.plan,
    credentialType: attempt.credentialType,
    zeroDataRetention: false,
    provider: attempt.provider,
    requestModel: clip(attempt.requestModel),
    responseModel: clip(line.responseModel ?? (line.line === 0 ? (facts?.responseModel ?? null) : null)),
    operation: attempt.operation,
    serviceTierRequested: clip(attempt.serviceTierRequested),
    serviceTier: clip(facts?.serviceTier ?? null),
    region: clip(facts?.region ?? null),
    streamed: end.streamed ?? attempt.asksForStream,
    finishReason: clip(facts?.finishReason ?? null),
    responseId: clip(facts?.responseId ?? null),
    httpStatus: end.httpStatus,
    outcome: outcomeOf(end),
    errorType: clip(facts?.errorType ?? end.errorType),
    usageSource: usage.usageSource,
    usageFlags: usage.usageFlags | ownFlags(attempt, end),
    requestTextBytes: attempt.requestTextBytes,
    outputDeltas: end.reading.deltas,
    presentBuckets: usage.presentBuckets,
    inputTokens: tokens.inputTokens,
    inputAudioTokens: tokens.inputAudioTokens,
    inputImageTokens: tokens.inputImageTokens,
    inputVideoTokens: tokens.inputVideoTokens,
    cacheReadTokens: tokens.cacheReadTokens,
    cacheReadAudioTokens: tokens.cacheReadAudioTokens,
    cacheWriteTokens: tokens.cacheWriteTokens,
    cacheWrite5mTokens: tokens.cacheWrite5mTokens,
    cacheWrite1hTokens: tokens.cacheWrite1hTokens,
    outputTokens: tokens.outputTokens,
    reasoningTokens: tokens.reasoningTokens,
    outputAudioTokens: tokens.outputAudioTokens,
    outputImageTokens: tokens.outputImageTokens,
    quantities: line.quantities,
    providerReportedCost: line.providerReportedCost,
    usageRaw: line.usageRaw,
    timeToFirstTokenMs: end.timeToFirstTokenMs,
    durationMs: end.durationMs,
  };
}

const NO_ATTRIBUTES: Readonly<Record<string, string>> = Object.freeze({});

const NO_LINE: UsageLine = Object.freeze({
  line: 0,
  responseModel: null,
  tokens: NO_TOKENS,
  presentBuckets: 0,
  quantities: Object.freeze({}),
  providerReportedCost: null,
  usageFlags: 0,
  usageRaw: null,
});

const NO_LINES: readonly UsageLine[] = Object.freeze([NO_LINE]);

/** An error in the answer of a request that came to its end, be it a status or an event of a stream. */
function outcomeOf({ outcome, httpStatus, reading }: ReadEnd): Outcome {
  const isError = (httpStatus ?? 0) >= 400 || (reading.facts?.errorType ?? null) !== null;
  return outcome === 'ok' && isError ? 'provider_error' : outcome;
}

function lineUsage(attempt: Attempt, end: ReadEnd, line: UsageLine): LineUsage {
  const usageSource = end.reading.facts?.usageSource ?? 'none';
  if (line.line > 0 || !isWorthEstimating(attempt, end)) {
    const { tokens, presentBuckets, usageFlags } = line;
    return { tokens, presentBuckets, usageFlags, usageSource };
  }
  return estimateUsage(line, {
    requestTextBytes: attempt.requestTextBytes,
    outputDeltas: end.reading.deltas,
  });
}

/**
 * Only where a provider was at work and did not tell: an answer that was cut off, or a stream that ended without
 * usage. Not where no answer began because the connection broke, and not where our own metering failed.
 */
function isWorthEstimating({ operation }: Attempt, end: ReadEnd): boolean {
  const { outcome, httpStatus, streamed, reading } = end;
  if (
    operation === UNKNOWN_OPERATION ||
    reading.fault !== null ||
    reading.facts?.usageSource === 'reported'
  ) {
    return false;
  }
  const wasAtWork = httpStatus === null ? outcome !== 'upstream_reset' : httpStatus < 400;
  return wasAtWork && (outcome !== 'ok' || streamed === true);
}

function ownFlags({ attribution }: Attempt, { reading }: ReadEnd): number {
  return (
    (attribution.userUnattributed ? USAGE_FLAGS.userUnattributed : 0) |
    (reading.isTooLarge ? USAGE_FLAGS.bodyTooLarge : 0)
  );
}

/** A name of the provider's or the caller's that is over the limit of an event would cost the whole event. */
function clip(text: string | null): string | null {
  const { providerTextCharactersMax } = EVENT_LIMITS;
  return text === null || text.length <= providerTextCharactersMax
    ? text
    : text.slice(0, providerTextCharactersMax).toWellFormed();
}
