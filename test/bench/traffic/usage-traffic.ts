import { bucketBit, NO_TOKENS, type TokenBucket, type UsageEvent } from '@meterstone/metering';
import { seededRandom } from '../../support/replay-provider.ts';
import { type TrafficOrg, trafficOrgs, userName } from './orgs.ts';
import type { TrafficModel } from './usage-shapes.ts';

export interface TrafficOptions {
  readonly events: number;
  /** Over which the events are spread evenly, epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly seed: number;
  /**
   * When the ids of each 10,000 events are made, epoch milliseconds: a proxy makes an id a moment before the event is
   * appended, whenever the event says it occurred. What is missing is added as it is made, so that the same list gives the
   * same events again. @default a list of its own
   */
  readonly idTimes?: number[];
}

const EVENTS_PER_ID_TIME = 10_000;

/** Share of calls: refused by the provider, cut off by the client, and so on. */
const SHARE = {
  refused: 0.015,
  cutOff: 0.01,
  byok: 0.08,
  anonymous: 0.05,
  planNamed: 0.1,
  streamed: 0.6,
  untagged: 0.1,
  unknownModel: 0.01,
};
/** Nobody knows its price. */
const UNKNOWN_MODEL = { requestModel: 'house-model-preview', responseModel: 'house-model-preview' };
/** Attempts that are ready now began up to so long ago, so that times are nearly, not quite, in order. */
const DURATION_MS_MAX = 30_000;

/** Realistic usage events, the same for the same seed; one object at a time, none kept. */
export function* createTraffic({
  events,
  start,
  end,
  seed,
  idTimes = [],
}: TrafficOptions): Generator<UsageEvent> {
  const random = seededRandom(seed);
  const ids = createIds(random);
  const pickOrg = createPicker(trafficOrgs(), ({ share }) => share, random);
  for (let index = 0; index < events; index += 1) {
    const endedAt = start + Math.floor(((end - start) * index) / events);
    const org = pickOrg();
    // Squared, here and below: the first of a list is the most used.
    const model = org.models[Math.floor(random() ** 2 * org.models.length)];
    if (model === undefined) continue;
    const served = random() < SHARE.unknownModel ? { ...model, ...UNKNOWN_MODEL } : model;
    const step = Math.floor(index / EVENTS_PER_ID_TIME);
    idTimes[step] ??= Date.now();
    yield createEvent({ endedAt, madeAt: idTimes[step], model: served, org, random, ids });
  }
}

interface EventParts {
  readonly endedAt: number;
  readonly madeAt: number;
  readonly model: TrafficModel;
  readonly org: TrafficOrg;
  readonly random: () => number;
  readonly ids: Ids;
}

type Outcome = 'answered' | 'refused' | 'cutOff';

function createEvent(parts: EventParts): UsageEvent {
  const { endedAt, madeAt, model, org, random, ids } = parts;
  const durationMs = 200 + Math.floor(random() ** 4 * (DURATION_MS_MAX - 200));
  const occurredAt = endedAt - durationMs;
  const drawn = random();
  const outcome: Outcome =
    drawn < SHARE.refused ? 'refused' : drawn < SHARE.refused + SHARE.cutOff ? 'cutOff' : 'answered';
  const streamed = random() < SHARE.streamed;
  const key = org.keys[Math.floor(random() ** 2 * org.keys.length)];
  const { bytes, text } = ids.uuid(madeAt);
  return {
    eventId: bytes,
    line: 0,
    operationId: text,
    attempt: 0,
    final: true,
    parentOperationId: null,
    kind: 'usage',
    source: 'proxy',
    sourceRef: 'proxy-1/0.1.0',
    adjustsEventId: null,
    adjustsLine: null,
    correctionId: null,
    reason: null,
    marketCostDelta: null,
    totalCostDelta: null,
    surchargeCostDelta: null,
    chargeDelta: null,
    occurredAt,
    ingestedAt: endedAt + 1,
    orgId: org.orgId,
    apiKeyId: key?.id ?? null,
    project: key?.project ?? null,
    // Cubic: a tenth of the users makes nearly half of the calls.
    user: random() < SHARE.anonymous ? null : userName(org.orgId, Math.floor(random() ** 3 * org.users)),
    sessionId: null,
    agent: null,
    traceId: null,
    tags:
      random() < SHARE.untagged ? [] : (org.tagSets[Math.floor(random() ** 2 * org.tagSets.length)] ?? []),
    attributes: {},
    plan: random() < SHARE.planNamed ? 'enterprise' : null,
    credentialType: random() < SHARE.byok ? 'byok' : 'system',
    zeroDataRetention: false,
    provider: model.provider,
    requestModel: model.requestModel,
    operation: model.operation,
    serviceTierRequested: null,
    region: null,
    streamed,
    requestTextBytes: 400 + Math.floor(random() ** 2 * 40_000),
    outputDeltas: streamed ? Math.floor(random() * 400) : null,
    quantities: {},
    providerReportedCost: null,
    timeToFirstTokenMs: streamed ? Math.floor(durationMs / 5) : null,
    durationMs,
    ...answerFacts(parts, outcome),
  };
}

type AnswerFacts = Pick<
  UsageEvent,
  | 'responseModel'
  | 'serviceTier'
  | 'finishReason'
  | 'responseId'
  | 'httpStatus'
  | 'outcome'
  | 'errorType'
  | 'usageSource'
  | 'usageFlags'
  | 'presentBuckets'
  | 'usageRaw'
  | TokenBucket
>;

function answerFacts({ model, random, ids }: EventParts, outcome: Outcome): AnswerFacts {
  const { shape } = model;
  if (outcome === 'refused') return REFUSED;
  const promptTokens = 50 + Math.floor(random() ** 3 * 20_000);
  const outputTokens = 5 + Math.floor(random() ** 2 * 1_500);
  const size = {
    promptTokens,
    outputTokens,
    cachedTokens: random() < 0.4 ? Math.floor(promptTokens * 0.7) : 0,
    writtenTokens: random() < 0.1 ? Math.floor(promptTokens * 0.2) : 0,
    reasoningTokens: model.reasons ? Math.floor(outputTokens * random()) : 0,
  };
  const isCutOff = outcome === 'cutOff';
  const reported: Partial<Record<TokenBucket, number>> = isCutOff
    ? { inputTokens: promptTokens, outputTokens }
    : shape.tokens(size);
  let presentBuckets = 0;
  // The keys are buckets: the line above says so.
  for (const bucket of Object.keys(reported) as TokenBucket[]) presentBuckets |= bucketBit(bucket);
  return {
    ...NO_TOKENS,
    ...reported,
    responseModel: model.responseModel,
    serviceTier: model.serviceTier,
    finishReason: isCutOff ? null : 'stop',
    responseId: shape.responseId.prefix + ids.word(shape.responseId.characters),
    httpStatus: 200,
    outcome: isCutOff ? 'client_abort' : 'ok',
    errorType: null,
    usageSource: isCutOff ? 'estimated' : 'reported',
    usageFlags: 0,
    presentBuckets,
    usageRaw: isCutOff ? null : shape.raw(size),
  };
}

const REFUSED: AnswerFacts = {
  ...NO_TOKENS,
  responseModel: null,
  serviceTier: null,
  finishReason: null,
  responseId: null,
  httpStatus: 429,
  outcome: 'provider_error',
  errorType: 'rate_limit_exceeded',
  usageSource: 'none',
  usageFlags: 0,
  presentBuckets: 0,
  usageRaw: null,
};

interface Ids {
  /** A UUIDv7 of that millisecond. */
  uuid(ms: number): { bytes: Buffer; text: string };
  /** Letters and digits, each as likely as the others. */
  word(characters: number): string;
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Ids of full entropy: what compresses here compresses in production. */
function createIds(random: () => number): Ids {
  return {
    uuid(ms) {
      const bytes = Buffer.allocUnsafeSlow(16);
      bytes.writeUIntBE(ms, 0, 6);
      bytes.writeUInt32BE(random() * 2 ** 32, 6);
      bytes.writeUInt32BE(random() * 2 ** 32, 10);
      bytes.writeUInt16BE(Math.floor(random() * 2 ** 16), 14);
      bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f);
      bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f);
      const hex = bytes.toString('hex');
      const text = [
        hex.slice(0, 8),
        hex.slice(8, 12),
        hex.slice(12, 16),
        hex.slice(16, 20),
        hex.slice(20),
      ].join('-');
      return { bytes, text };
    },
    word(characters) {
      let word = '';
      for (let index = 0; index < characters; index += 1)
        word += LETTERS[Math.floor(random() * LETTERS.length)];
      return word;
    },
  };
}

/** Draws by weight, in constant time. */
function createPicker<T>(items: readonly T[], weightOf: (item: T) => number, random: () => number): () => T {
  const slots = 65_536;
  const total = items.reduce((sum, item) => sum + weightOf(item), 0);
  const table: T[] = items.flatMap((item) =>
    Array<T>(Math.max(1, Math.round((slots * weightOf(item)) / total))).fill(item),
  );
  const [first] = table;
  if (first === undefined) throw new RangeError('nothing to draw from');
  return () => table[Math.floor(random() * table.length)] ?? first;
}
