/**
 * Most notes say little beyond who asked for what: an orphan, whose end is not known. Written as such they take 60 % of
 * the bytes of an event and half of the time. Whatever says more, or has a text that is not ASCII, is noted as an event.
 *
 *     note    facts present (UInt16LE, the bits of `HAS`) · credential type (UInt8) ·
 *             usage source (UInt8) · occurredAt (UInt48LE) · usageFlags · presentBuckets · inputTokens · outputTokens ·
 *             requestTextBytes? · outputDeltas? · operationId · orgId · provider · operation · text of each present fact ·
 *             tags (UInt8) · each tag
 *     number  LEB128 of 32 bits
 *     text    UInt8 characters · ASCII
 *
 * Not in it: what its heir puts on the event.
 */

import type { CredentialType, UsageEvent, UsageSource } from '@meterstone/metering';
import { BriefReader, BriefWriter } from './brief-values.ts';
import { isPlainOrphan, PLAIN_ORPHAN } from './plain-orphan.ts';

const HAS = {
  apiKeyId: 1 << 0,
  project: 1 << 1,
  user: 1 << 2,
  sessionId: 1 << 3,
  agent: 1 << 4,
  traceId: 1 << 5,
  plan: 1 << 6,
  requestModel: 1 << 7,
  serviceTierRequested: 1 << 8,
  requestTextBytes: 1 << 9,
  outputDeltas: 1 << 10,
  streamed: 1 << 11,
} as const;
const CREDENTIAL_TYPES: readonly CredentialType[] = ['system', 'byok', 'subscription', 'reserved'];
const USAGE_SOURCES: readonly UsageSource[] = ['reported', 'partial', 'estimated', 'none'];

/** Writes brief notes into one buffer. */
export class BriefNoteWriter {
  readonly #write: BriefWriter;

  constructor(bytes: Buffer) {
    this.#write = new BriefWriter(bytes);
  }

  /** The next position; −1: the event says more than a brief note can, or it does not fit. */
  write(event: UsageEvent, position: number): number {
    if (!isPlainOrphan(event)) {
      return -1;
    }
    const write = this.#write;
    write.begin(position);
    write.bits(factsPresent(event));
    write.symbol(CREDENTIAL_TYPES, event.credentialType);
    write.symbol(USAGE_SOURCES, event.usageSource);
    write.instant(event.occurredAt);
    write.number(event.usageFlags);
    write.number(event.presentBuckets);
    write.number(event.inputTokens);
    write.number(event.outputTokens);
    write.numberIfAny(event.requestTextBytes);
    write.numberIfAny(event.outputDeltas);
    write.text(event.operationId);
    write.text(event.orgId);
    write.text(event.provider);
    write.text(event.operation);
    write.textIfAny(event.apiKeyId);
    write.textIfAny(event.project);
    write.textIfAny(event.user);
    write.textIfAny(event.sessionId);
    write.textIfAny(event.agent);
    write.textIfAny(event.traceId);
    write.textIfAny(event.plan);
    write.textIfAny(event.requestModel);
    write.textIfAny(event.serviceTierRequested);
    write.texts(event.tags);
    return write.end();
  }
}

/** The event that a brief note stands for; `null`: the bytes are none. Never throws. */
export function readBriefNote(
  eventId: Buffer,
  bytes: Buffer,
  { sourceRef, ingestedAt }: Pick<UsageEvent, 'sourceRef' | 'ingestedAt'>,
): UsageEvent | null {
  const read = new BriefReader(bytes);
  const present = read.bits();
  const credentialType = read.symbol(CREDENTIAL_TYPES);
  const usageSource = read.symbol(USAGE_SOURCES);
  const occurredAt = read.instant();
  const usageFlags = read.number();
  const presentBuckets = read.number();
  const inputTokens = read.number();
  const outputTokens = read.number();
  const numberOf = (bit: number) => ((present & bit) === 0 ? null : read.number());
  const requestTextBytes = numberOf(HAS.requestTextBytes);
  const outputDeltas = numberOf(HAS.outputDeltas);
  const operationId = read.text();
  const orgId = read.text();
  const provider = read.text();
  const operation = read.text();
  const textOf = (bit: number) => ((present & bit) === 0 ? null : read.text());
  const apiKeyId = textOf(HAS.apiKeyId);
  const project = textOf(HAS.project);
  const user = textOf(HAS.user);
  const sessionId = textOf(HAS.sessionId);
  const agent = textOf(HAS.agent);
  const traceId = textOf(HAS.traceId);
  const plan = textOf(HAS.plan);
  const requestModel = textOf(HAS.requestModel);
  const serviceTierRequested = textOf(HAS.serviceTierRequested);
  const tags = read.texts();
  if (!read.isWhole || credentialType === null || usageSource === null) {
    return null;
  }
  return {
    ...PLAIN_ORPHAN,
    eventId,
    operationId,
    sourceRef,
    occurredAt,
    ingestedAt,
    orgId,
    apiKeyId,
    project,
    user,
    sessionId,
    agent,
    traceId,
    tags,
    plan,
    credentialType,
    provider,
    requestModel,
    operation,
    serviceTierRequested,
    streamed: (present & HAS.streamed) !== 0,
    usageSource,
    usageFlags,
    requestTextBytes,
    outputDeltas,
    presentBuckets,
    inputTokens,
    outputTokens,
  };
}

function factsPresent(event: UsageEvent): number {
  return (
    (event.apiKeyId === null ? 0 : HAS.apiKeyId) |
    (event.project === null ? 0 : HAS.project) |
    (event.user === null ? 0 : HAS.user) |
    (event.sessionId === null ? 0 : HAS.sessionId) |
    (event.agent === null ? 0 : HAS.agent) |
    (event.traceId === null ? 0 : HAS.traceId) |
    (event.plan === null ? 0 : HAS.plan) |
    (event.requestModel === null ? 0 : HAS.requestModel) |
    (event.serviceTierRequested === null ? 0 : HAS.serviceTierRequested) |
    (event.requestTextBytes === null ? 0 : HAS.requestTextBytes) |
    (event.outputDeltas === null ? 0 : HAS.outputDeltas) |
    (event.streamed ? HAS.streamed : 0)
  );
}
