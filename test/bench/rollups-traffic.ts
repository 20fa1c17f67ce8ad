import { bucketBit, NO_TOKENS, type TokenBucket } from '@meterstone/metering';
import { createUserKeyer, type RawRow } from '@meterstone/store';
import { seededRandom } from '../support/replay-provider.ts';
import { TRAFFIC_MODELS, type TrafficModel } from './traffic/usage-shapes.ts';

/** Rated rows as the aggregator would append them, in order of time. */
export interface RatedTraffic {
  readonly rows: number;
  /** Of the first row, epoch milliseconds. */
  readonly start: number;
  /** Time that the rows span. */
  readonly spanMs: number;
  readonly seed: number;
  /** Share of the users that there are: with as few rows of a day, each user makes as many as in a whole one. @default 1 */
  readonly usersShare?: number;
}

const ORGS = 200;
const SHARE_OF_LARGEST = 0.35;
const USERS_OF_LARGEST = 50_000;
const USERS_OF_OTHERS = { min: 10, max: 3_000 };
const MODELS_PER_ORG = 5;
const KEYS_PER_ORG = 4;
const PLANS = ['free', 'starter', 'pro', 'enterprise'];
const TAGS = { features: 20, environments: 2, teams: 4 };
const SHARE = {
  tagged: 0.9,
  byok: 0.08,
  refused: 0.015,
  withoutUser: 0.05,
  streamed: 0.6,
  cached: 0.4,
  elsewhere: 0.1,
};
const DURATION_MS_MAX = 30_000;
const PICO_PER_TOKEN = { input: 1_250_000n, cached: 125_000n, output: 10_000_000n };
const BYOK_FEE = 100_000_000n;
const CHARGE_PERCENT = [100n, 110n, 120n, 135n] as const;
const SECRET = new Uint8Array(32).fill(9);

interface Org {
  readonly orgId: string;
  readonly users: number;
  readonly models: readonly TrafficModel[];
}

/** Dimensions are drawn independently of each other, so rollups come out no smaller than in production. */
export function* ratedTraffic({
  rows,
  start,
  spanMs,
  seed,
  usersShare = 1,
}: RatedTraffic): Generator<RawRow> {
  const random = seededRandom(seed);
  const orgs = Array.from({ length: ORGS }, (_, rank) => orgOf(rank, random, usersShare));
  const userKey = createUserKeyer(SECRET);
  for (let row = 0; row < rows; row += 1) {
    const endedAt = start + Math.floor((spanMs * row) / rows);
    const rank = random() < SHARE_OF_LARGEST ? 0 : 1 + Math.floor(random() ** 2 * (ORGS - 1));
    const org = orgs[rank] ?? orgOf(0, random, usersShare);
    yield ratedRow({ org, rank, endedAt, row, random, userKey });
  }
}

function orgOf(rank: number, random: () => number, usersShare: number): Org {
  const { min, max } = USERS_OF_OTHERS;
  const first = Math.floor(random() * TRAFFIC_MODELS.length);
  return {
    orgId: `org-${String(rank).padStart(3, '0')}`,
    users: Math.ceil(usersShare * (rank === 0 ? USERS_OF_LARGEST : min + (max - min) * random())),
    models: Array.from({ length: MODELS_PER_ORG }, (_, i) => at(TRAFFIC_MODELS, first + i)),
  };
}

interface RowParts {
  readonly org: Org;
  readonly rank: number;
  readonly endedAt: number;
  readonly row: number;
  readonly random: () => number;
  readonly userKey: ReturnType<typeof createUserKeyer>;
}

function ratedRow(parts: RowParts): RawRow {
  const { org, rank, endedAt, row, random } = parts;
  const durationMs = 200 + Math.floor(random() ** 4 * (DURATION_MS_MAX - 200));
  const occurredAt = endedAt - durationMs;
  const user = random() < SHARE.withoutUser ? null : Math.floor(random() ** 3 * org.users);
  const plan = (user ?? 0) % PLANS.length;
  const model = at(org.models, Math.floor(random() * MODELS_PER_ORG));
  const key = Math.floor(random() * KEYS_PER_ORG);
  const isByok = random() < SHARE.byok;
  const streamed = random() < SHARE.streamed;
  const { bytes, text } = uuidV7(occurredAt, random);
  const answer = answerOf(model, random);
  const userName = user === null ? null : `customer-${user}@${org.orgId}.example`;
  return {
    event: {
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
      apiKeyId: `key_${rank}_${key}`,
      project: `project-${key % 3}`,
      user: userName,
      sessionId: null,
      agent: null,
      traceId: null,
      tags: random() < SHARE.tagged ? tagSet(random) : [],
      attributes: {},
      plan: null,
      credentialType: isByok ? 'byok' : 'system',
      zeroDataRetention: rank % 20 === 3,
      provider: model.provider,
      requestModel: model.requestModel,
      operation: model.operation,
      serviceTierRequested: null,
      region: random() < SHARE.elsewhere ? 'eu-west' : null,
      streamed,
      requestTextBytes: 400 + Math.floor(random() ** 2 * 40_000),
      outputDeltas: streamed ? Math.floor(random() * 400) : null,
      quantities: {},
      providerReportedCost: null,
      timeToFirstTokenMs: streamed ? Math.floor(durationMs / 5) : null,
      durationMs,
      ...answer.facts,
    },
    rating: ratingOf({ model, tokens: answer.facts, plan, isByok }),
    userKey: parts.userKey(org.orgId, userName),
    coordinates: { stream: 1, kafkaPartition: row % 8, kafkaOffset: Math.floor(row / 8) },
  };
}

function answerOf(model: TrafficModel, random: () => number) {
  if (random() < SHARE.refused) return { facts: { ...NO_ANSWER, ...NO_TOKENS } };
  const promptTokens = 50 + Math.floor(random() ** 3 * 20_000);
  const outputTokens = 5 + Math.floor(random() ** 2 * 1_500);
  const size = {
    promptTokens,
    outputTokens,
    cachedTokens: random() < SHARE.cached ? Math.floor(promptTokens * 0.7) : 0,
    writtenTokens: random() < 0.1 ? Math.floor(promptTokens * 0.2) : 0,
    reasoningTokens: model.reasons ? Math.floor(outputTokens * random()) : 0,
  };
  const reported = model.shape.tokens(size);
  let presentBuckets = 0;
  // The shape's keys are buckets.
  for (const bucket of Object.keys(reported) as TokenBucket[]) presentBuckets |= bucketBit(bucket);
  const { prefix, characters } = model.shape.responseId;
  return {
    facts: {
      ...NO_TOKENS,
      ...reported,
      responseModel: model.responseModel,
      serviceTier: model.serviceTier,
      finishReason: 'stop',
      responseId: prefix + word(characters, random),
      httpStatus: 200,
      outcome: 'ok' as const,
      errorType: null,
      usageSource: 'reported' as const,
      usageFlags: 0,
      presentBuckets,
      usageRaw: model.shape.raw(size),
    },
  };
}

const NO_ANSWER = {
  responseModel: null,
  serviceTier: null,
  finishReason: null,
  responseId: null,
  httpStatus: 429,
  outcome: 'provider_error' as const,
  errorType: 'rate_limit_exceeded',
  usageSource: 'none' as const,
  usageFlags: 0,
  presentBuckets: 0,
  usageRaw: null,
};

interface RatingParts {
  readonly model: TrafficModel;
  readonly tokens: Readonly<Record<TokenBucket, number>>;
  readonly plan: number;
  readonly isByok: boolean;
}

function ratingOf({ model, tokens, plan, isByok }: RatingParts): RawRow['rating'] {
  const marketCost =
    BigInt(tokens.inputTokens + tokens.cacheWrite5mTokens) * PICO_PER_TOKEN.input +
    BigInt(tokens.cacheReadTokens) * PICO_PER_TOKEN.cached +
    BigInt(tokens.outputTokens + tokens.reasoningTokens) * PICO_PER_TOKEN.output;
  const fee = isByok ? BYOK_FEE : 0n;
  return {
    model: `${model.provider}/${model.requestModel}`,
    marketCost,
    totalCost: isByok ? fee : marketCost,
    surchargeCost: fee,
    charge: (marketCost * at(CHARGE_PERCENT, plan)) / 100n + fee,
    priceBook: 'book-2026-11',
    priceMatch: 'exact',
    unpricedReason: null,
    plan: at(PLANS, plan),
    ratePlanVersion: '2026-01-01',
    epoch: '3f6c1d2a9b8e7f60',
  };
}

function tagSet(random: () => number): string[] {
  const pick = (count: number) => Math.floor(random() * count);
  return [
    `env:${pick(TAGS.environments) === 0 ? 'production' : 'staging'}`,
    `feature:feature-${pick(TAGS.features)}`,
    `team:team-${pick(TAGS.teams)}`,
  ];
}

/** Full entropy but for the time. */
function uuidV7(ms: number, random: () => number): { bytes: Buffer; text: string } {
  const bytes = Buffer.allocUnsafeSlow(16);
  bytes.writeUIntBE(ms, 0, 6);
  for (let i = 6; i < 16; i += 1) bytes[i] = random() * 256;
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f);
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f);
  const hex = bytes.toString('hex');
  const text = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    '-',
  );
  return { bytes, text };
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function word(characters: number, random: () => number): string {
  let text = '';
  for (let i = 0; i < characters; i += 1) text += LETTERS[Math.floor(random() * LETTERS.length)];
  return text;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('nothing to take from');
  return item;
}
