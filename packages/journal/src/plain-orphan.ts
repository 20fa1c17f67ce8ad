import { NO_TOKENS, type UsageEvent } from '@meterstone/metering';
import { ID_BYTES } from './journal-format.ts';

/** An orphan that says nothing of what tells attempts apart. */
export const PLAIN_ORPHAN: UsageEvent = Object.freeze({
  eventId: Buffer.alloc(ID_BYTES),
  line: 0,
  operationId: '',
  attempt: 0,
  final: true,
  parentOperationId: null,
  kind: 'usage',
  source: 'proxy',
  sourceRef: '',
  adjustsEventId: null,
  adjustsLine: null,
  correctionId: null,
  reason: null,
  marketCostDelta: null,
  totalCostDelta: null,
  surchargeCostDelta: null,
  chargeDelta: null,
  occurredAt: 0,
  ingestedAt: 0,
  orgId: '',
  apiKeyId: null,
  project: null,
  user: null,
  sessionId: null,
  agent: null,
  traceId: null,
  tags: [],
  attributes: Object.freeze({}),
  plan: null,
  credentialType: 'system',
  zeroDataRetention: false,
  provider: '',
  requestModel: null,
  responseModel: null,
  operation: '',
  serviceTierRequested: null,
  serviceTier: null,
  region: null,
  streamed: false,
  finishReason: null,
  responseId: null,
  httpStatus: null,
  outcome: 'orphan',
  errorType: null,
  usageSource: 'none',
  usageFlags: 0,
  requestTextBytes: null,
  outputDeltas: null,
  presentBuckets: 0,
  ...NO_TOKENS,
  quantities: Object.freeze({}),
  providerReportedCost: null,
  usageRaw: null,
  timeToFirstTokenMs: null,
  durationMs: null,
});

/**
 * Whether an event is a {@link PLAIN_ORPHAN} but for who asked for what, when, and an estimate of text tokens: what most
 * attempts are until their end is known.
 */
export function isPlainOrphan(event: UsageEvent): boolean {
  return isFirstLine(event) && isUnanswered(event) && isUncounted(event);
}

/** Of the only attempt of an operation, by the proxy, and no correction of another. */
function isFirstLine(event: UsageEvent): boolean {
  return (
    event.eventId.length === ID_BYTES &&
    event.line === 0 &&
    event.attempt === 0 &&
    event.final === true &&
    event.parentOperationId === null &&
    event.kind === 'usage' &&
    event.source === 'proxy' &&
    event.adjustsEventId === null &&
    event.adjustsLine === null &&
    event.correctionId === null &&
    event.reason === null &&
    event.marketCostDelta === null &&
    event.totalCostDelta === null &&
    event.surchargeCostDelta === null &&
    event.chargeDelta === null &&
    event.zeroDataRetention === false &&
    isEmpty(event.attributes)
  );
}

function isUnanswered(event: UsageEvent): boolean {
  return (
    event.outcome === 'orphan' &&
    event.responseModel === null &&
    event.serviceTier === null &&
    event.region === null &&
    event.finishReason === null &&
    event.responseId === null &&
    event.httpStatus === null &&
    event.errorType === null &&
    event.providerReportedCost === null &&
    event.usageRaw === null &&
    event.timeToFirstTokenMs === null &&
    event.durationMs === null &&
    typeof event.streamed === 'boolean'
  );
}

/** But for the input and output that an estimate has. */
function isUncounted(event: UsageEvent): boolean {
  return (
    event.inputAudioTokens === 0 &&
    event.inputImageTokens === 0 &&
    event.inputVideoTokens === 0 &&
    event.cacheReadTokens === 0 &&
    event.cacheReadAudioTokens === 0 &&
    event.cacheWriteTokens === 0 &&
    event.cacheWrite5mTokens === 0 &&
    event.cacheWrite1hTokens === 0 &&
    event.reasoningTokens === 0 &&
    event.outputAudioTokens === 0 &&
    event.outputImageTokens === 0 &&
    isEmpty(event.quantities)
  );
}

function isEmpty(map: Readonly<Record<string, unknown>>): boolean {
  for (const _ in map) {
    return false;
  }
  return true;
}
