import type { UsageEvent } from '@meterstone/metering';
import { EVENT_SYMBOLS } from './event-layout.ts';
import { RecordWriter } from './record-writer.ts';

/**
 * Writes the fields of an event into `bytes` at `position`, byte for byte as avsc does, and returns the next position;
 * -1 where it is not plain enough, or the room not ample: then avsc has to do it.
 */
export function writeEventFields(event: UsageEvent, bytes: Buffer, position: number): number {
  const write = new RecordWriter(bytes, position);
  if (write.isUnusual) {
    return -1;
  }
  writeIdentity(write, event);
  writeAttribution(write, event);
  writeAnswer(write, event);
  writeUsage(write, event);
  return write.isUnusual ? -1 : write.position;
}

function writeIdentity(write: RecordWriter, event: UsageEvent): void {
  write.id(event.eventId);
  write.int(event.line);
  write.text(event.operationId);
  write.int(event.attempt);
  write.flag(event.final);
  write.textOrNull(event.parentOperationId);
  write.symbol(EVENT_SYMBOLS.kind, event.kind);
  write.symbol(EVENT_SYMBOLS.source, event.source);
  write.text(event.sourceRef);
  write.idOrNull(event.adjustsEventId);
  write.intOrNull(event.adjustsLine);
  write.textOrNull(event.correctionId);
  write.textOrNull(event.reason);
  write.amountOrNull(event.marketCostDelta);
  write.amountOrNull(event.totalCostDelta);
  write.amountOrNull(event.surchargeCostDelta);
  write.amountOrNull(event.chargeDelta);
  write.long(event.occurredAt);
  write.long(event.ingestedAt);
}

function writeAttribution(write: RecordWriter, event: UsageEvent): void {
  write.text(event.orgId);
  write.textOrNull(event.apiKeyId);
  write.textOrNull(event.project);
  write.textOrNull(event.user);
  write.textOrNull(event.sessionId);
  write.textOrNull(event.agent);
  write.textOrNull(event.traceId);
  write.texts(event.tags);
  write.textMap(event.attributes);
  write.textOrNull(event.plan);
  write.symbol(EVENT_SYMBOLS.credentialType, event.credentialType);
  write.flag(event.zeroDataRetention);
}

function writeAnswer(write: RecordWriter, event: UsageEvent): void {
  write.text(event.provider);
  write.textOrNull(event.requestModel);
  write.textOrNull(event.responseModel);
  write.text(event.operation);
  write.textOrNull(event.serviceTierRequested);
  write.textOrNull(event.serviceTier);
  write.textOrNull(event.region);
  write.flag(event.streamed);
  write.textOrNull(event.finishReason);
  write.textOrNull(event.responseId);
  write.intOrNull(event.httpStatus);
  write.symbol(EVENT_SYMBOLS.outcome, event.outcome);
  write.textOrNull(event.errorType);
  write.symbol(EVENT_SYMBOLS.usageSource, event.usageSource);
}

function writeUsage(write: RecordWriter, event: UsageEvent): void {
  write.int(event.usageFlags);
  write.longOrNull(event.requestTextBytes);
  write.intOrNull(event.outputDeltas);
  write.int(event.presentBuckets);
  write.long(event.inputTokens);
  write.long(event.inputAudioTokens);
  write.long(event.inputImageTokens);
  write.long(event.inputVideoTokens);
  write.long(event.cacheReadTokens);
  write.long(event.cacheReadAudioTokens);
  write.long(event.cacheWriteTokens);
  write.long(event.cacheWrite5mTokens);
  write.long(event.cacheWrite1hTokens);
  write.long(event.outputTokens);
  write.long(event.reasoningTokens);
  write.long(event.outputAudioTokens);
  write.long(event.outputImageTokens);
  write.longMap(event.quantities);
  write.amountOrNull(event.providerReportedCost);
  write.textOrNull(event.usageRaw);
  write.intOrNull(event.timeToFirstTokenMs);
  write.intOrNull(event.durationMs);
}
